package acl

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// DefaultUser is the name of the user that new connections have; it can't be deleted.
const DefaultUser = "default"

// Replies to AUTH and HELLO.
const (
	ErrWrongPass resp.Error = "WRONGPASS invalid username-password pair or user is disabled."
	// ErrNoPasswordSet is the reply to AUTH with a password alone when the default user needs none.
	ErrNoPasswordSet resp.Error = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"
)

// ErrBadName is returned for the name of a user with a space or nul in it.
const ErrBadName resp.Error = "ERR Usernames can't contain spaces or null characters"

// ErrNoTable is returned for rules that are set before Bind.
var ErrNoTable = errors.New("acl: rules need a command table, and none is bound yet")

// File is where ACL SAVE and ACL LOAD keep the users.
type File interface {
	// Name is the path, as errors print it.
	Name() string
	// Load reads the file.
	Load() ([]byte, error)
	// Save replaces the file, all or nothing.
	Save([]byte) error
}

// Config is what a Store needs; the zero value works.
type Config struct {
	// Random is the source of ACL GENPASS; nil means crypto/rand.
	Random io.Reader
	// LogMaxLen is the greatest number of entries of ACL LOG (acllog-max-len), asked when one is added; nil means 128.
	LogMaxLen func() int64
	// Changed is called after each change of users, with a lock of the store held: it reads the store by methods that take none (Current). Nil calls nothing.
	Changed func()
	// File is the ACL file; nil means that ACL LOAD and ACL SAVE answer that there is none.
	File File
}

// Store is the set of users of one node. All methods are safe for concurrent use; reads take no lock.
type Store struct {
	cfg Config
	log log

	set atomic.Pointer[users]

	mu     sync.Mutex // held by writers
	index  *index
	serial uint64
}

// users is one version of the set. It never changes.
type users struct {
	version uint64
	byName  map[string]*User
}

// NewStore makes a store with the default user alone, which is on, needs no password and may do everything. Bind must follow before rules are set.
func NewStore(cfg Config) *Store {
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.LogMaxLen == nil {
		cfg.LogMaxLen = func() int64 { return 128 }
	}
	s := &Store{cfg: cfg}
	s.set.Store(&users{byName: map[string]*User{DefaultUser: newDefault(&index{})}})
	return s
}

// Bind tells the store the commands of the node, among them its own. It is called once, before the first connection.
func (s *Store) Bind(t *command.Table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index != nil {
		panic("acl: Bind is called twice")
	}
	s.index = newIndex(t)
	s.publish(map[string]*User{DefaultUser: newDefault(s.index)})
}

// Version changes whenever a user does. A connection that finds another version than it saw last calls Current.
func (s *Store) Version() uint64 { return s.set.Load().version }

// User is the user of a name as it is now; nil if there is none.
func (s *Store) User(name string) *User { return s.set.Load().byName[name] }

// Default is the default user as it is now.
func (s *Store) Default() *User { return s.set.Load().byName[DefaultUser] }

// Current is what has become of a user that a connection authenticated as: its new rules, or nil if its access was revoked, which closes the connection:
// it was deleted (though perhaps created again since), or Replace left it out or switched it off.
func (s *Store) Current(u *User) *User {
	now := s.set.Load().byName[u.name]
	if now == nil || now.serial != u.serial {
		return nil
	}
	return now
}

// Authenticate is the user of a name and password, or ErrWrongPass. The time it takes depends on neither password.
func (s *Store) Authenticate(name, password string) (*User, error) {
	u := s.User(name)
	if u == nil {
		newUser(name, nil).authenticate(password) // as long as for a user
		return nil, ErrWrongPass
	}
	if !u.authenticate(password) {
		return nil, ErrWrongPass
	}
	return u, nil
}

// publish makes m the set, with s.mu held.
func (s *Store) publish(m map[string]*User) {
	s.set.Store(&users{version: s.set.Load().version + 1, byName: m})
	if s.cfg.Changed != nil {
		s.cfg.Changed()
	}
}

// nextSerial is a serial for a user that did not exist, with s.mu held.
func (s *Store) nextSerial() uint64 {
	s.serial++
	return s.serial
}

// SetUser applies rules to a user, which is created if there is none: all of them or, with an error (a *RuleError or *UnmatchedError), none.
func (s *Store) SetUser(name string, rules ...string) error {
	if hasSpace(name) {
		return ErrBadName
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index == nil {
		return ErrNoTable
	}
	old := s.set.Load().byName
	u := newUser(name, s.index)
	if old[name] != nil {
		u = old[name].clone()
	} else {
		u.serial = s.nextSerial()
	}
	if err := u.apply(rules); err != nil {
		return err
	}
	m := maps.Clone(old)
	m[name] = u.seal()
	s.publish(m)
	return nil
}

// DeleteUsers deletes users and returns how many there were; ErrDeleteDefault if one is the default user, and then none is deleted.
func (s *Store) DeleteUsers(names ...string) (int, error) {
	if slices.Contains(names, DefaultUser) {
		return 0, ErrDeleteDefault
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := maps.Clone(s.set.Load().byName)
	before := len(m)
	for _, n := range names {
		delete(m, n)
	}
	if len(m) < before {
		s.publish(m)
	}
	return before - len(m), nil
}

// ErrDeleteDefault is returned for the attempt to delete the default user.
const ErrDeleteDefault resp.Error = "ERR The 'default' user cannot be removed"

// RequirePass gives the default user this password alone; the empty one means that it needs none (requirepass).
func (s *Store) RequirePass(password string) error {
	if password == "" {
		return s.SetUser(DefaultUser, "resetpass", "nopass")
	}
	return s.SetUser(DefaultUser, "resetpass", "#"+HashPassword(password))
}

// Definition is a user as the management API knows it.
type Definition struct {
	Name string
	// AccessString is a list of rules between spaces, applied to a new user: off unless it says on.
	AccessString string
	// PasswordHashes are SHA-256 sums, 64 lower-case hexadecimal digits each.
	PasswordHashes []string
	// NoPassword lets every password in.
	NoPassword bool
}

// Replace makes defs the users of the node; the default user, if it is not among them, is switched off and allowed nothing. It is all or nothing, the
// error names the user. Connections of users that are gone or off are revoked (see Current), those of the others go on with the new rules.
func (s *Store) Replace(defs []Definition) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index == nil {
		return ErrNoTable
	}
	old, m := s.set.Load().byName, map[string]*User{}
	for _, d := range defs {
		u, err := d.user(s.index)
		if err == nil && m[d.Name] != nil {
			err = errors.New("it is defined twice")
		}
		if err != nil {
			return fmt.Errorf("user %q: %w", d.Name, err)
		}
		m[d.Name] = u
	}
	if m[DefaultUser] == nil {
		m[DefaultUser] = newUser(DefaultUser, s.index).seal()
	}
	for name, u := range m {
		if old[name] != nil && u.on {
			u.serial = old[name].serial
		} else {
			u.serial = s.nextSerial()
		}
	}
	s.publish(m)
	return nil
}

func (d *Definition) user(ix *index) (*User, error) {
	if d.Name == "" || hasSpace(d.Name) {
		return nil, ErrBadName
	}
	rules := strings.Fields(d.AccessString)
	for _, h := range d.PasswordHashes {
		rules = append(rules, "#"+h)
	}
	if d.NoPassword {
		rules = append(rules, "nopass")
	}
	u := newUser(d.Name, ix)
	if err := u.apply(rules); err != nil {
		return nil, err
	}
	return u.seal(), nil
}

// sorted are the users by name.
func (s *Store) sorted() []*User {
	m := s.set.Load().byName
	list := make([]*User, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[name])
	}
	return list
}
