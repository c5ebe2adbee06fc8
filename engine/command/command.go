// Package command says what a command is (Spec, a row), finds rows (Table), reads arguments (Args) and carries one execution (Call).
//
// A command is one Go literal beside its handler. Whatever else is known of it (COMMAND's answers, ACL categories, its keys, documentation) is
// derived from the row. Source of the facts: Redis's documentation and the behaviour of redis-server 7.0.15.
package command

import (
	"bytes"
	"strings"

	"github.com/openmemorydb/memorydb/engine/resp"
)

// Flags are the properties of a command, as COMMAND shows them, and a few of ours.
type Flags uint64

// The flags of Redis 7.0, in the order in which COMMAND prints them, then ours.
const (
	Write           Flags = 1 << iota // may change data
	ReadOnly                          // only reads data
	DenyOOM                           // refused while used memory is above maxmemory
	Module                            // never set here
	Admin                             // administrative
	PubSub                            // about channels
	NoScript                          // not allowed in scripts
	Blocking                          // may block
	Loading                           // allowed while loading
	Stale                             // allowed on a replica that has lost its primary
	SkipMonitor                       // not shown by MONITOR
	SkipSlowlog                       // not logged by SLOWLOG
	Asking                            // implies ASKING
	Fast                              // O(1) or O(log N)
	NoAuth                            // allowed before AUTH
	MayReplicate                      // may write though not flagged write
	NoMandatoryKeys                   // keys are optional
	NoAsyncLoading                    // refused while loading in the background
	NoMulti                           // not allowed in MULTI
	AllowBusy                         // allowed while a script runs too long
	MovableKeys                       // keys depend on more than positions; set by NewTable

	// WholeKeyspace marks a reader of the keyspace as a whole (KEYS, SCAN, DBSIZE, RANDOMKEY): held while any change is uncommitted (promise P2).
	WholeKeyspace
	// NoTurn marks a command that touches no data and runs without the shard's turn (PING, CLIENT …).
	NoTurn
	// Restricted marks a command that MemoryDB does not offer; its row is in the table only when administration is open (--admin-commands).
	Restricted
	// Container marks a command that only has subcommands.
	Container
	// Added marks a command that redis-server 7.0.15 does not have (7.2's harmless additions).
	Added
)

// Group is the documentation group of a command; it implies the ACL category of data types.
type Group string

// The groups of Redis.
const (
	Generic      Group = "generic"
	String       Group = "string"
	List         Group = "list"
	Set          Group = "set"
	SortedSet    Group = "sorted-set"
	Hash         Group = "hash"
	Stream       Group = "stream"
	Bitmap       Group = "bitmap"
	HyperLogLog  Group = "hyperloglog"
	Geo          Group = "geo"
	PubSubGroup  Group = "pubsub"
	Transactions Group = "transactions"
	Scripting    Group = "scripting"
	Connection   Group = "connection"
	Cluster      Group = "cluster"
	Server       Group = "server"
)

// Spec is one row of the command table.
type Spec struct {
	// Name is lower case; of a subcommand only its own part ("list" of CLIENT LIST).
	Name string
	// Arity counts the words of the command with its name (and its container's); negative: at least so many.
	Arity int
	Flags Flags
	Group Group
	// Keys are the key specifications, as COMMAND INFO shows them.
	Keys []KeySpec
	// Categories are ACL categories that do not follow from flags and group ("keyspace", "dangerous", "connection", …), without @.
	Categories []string
	// Since is the Redis version that brought the command.
	Since string
	// Args is the argument grammar, as redis.io prints a command's syntax without its name: "key seconds [NX | XX | GT | LT]".
	Args string
	// Summary and Complexity are what COMMAND DOCS answers.
	Summary, Complexity string
	// Tips are Redis's command tips ("nondeterministic_output").
	Tips []string
	// Subcommands are the rows of a container.
	Subcommands []Spec
	// Effective is what the arguments make of Flags, for rows that run scripts which say of themselves what they do; nil leaves Flags. It may be called without the turn.
	Effective func(argv [][]byte) Flags
	// Run executes the command. Its steps are always arguments, lookup, change, reply. A refusal is returned as a resp.Error, never written;
	// the executor cuts back what was written before it. Nil for a container.
	Run func(*Call) error

	// Parent is the container of a subcommand. Set by NewTable.
	Parent *Spec
	// ID numbers all rows of a table densely from 0, subcommands included. Set by NewTable.
	ID int
	// FullName is "client|list" for a subcommand, else Name. Set by NewTable.
	FullName string

	subs       map[string]*Spec
	categories []string
}

// Is says whether all of f are set.
func (s *Spec) Is(f Flags) bool { return s.Flags&f == f }

// Any says whether one of f is set.
func (s *Spec) Any(f Flags) bool { return s.Flags&f != 0 }

// FlagsOf are the flags of a request of this row.
func (s *Spec) FlagsOf(argv [][]byte) Flags {
	if s.Effective == nil {
		return s.Flags
	}
	return s.Effective(argv)
}

// Is says whether all of g are set.
func (f Flags) Is(g Flags) bool { return f&g == g }

// Any says whether one of g is set.
func (f Flags) Any(g Flags) bool { return f&g != 0 }

// Subcommand finds a subcommand by its lower-case name; nil if there is none.
func (s *Spec) Subcommand(name string) *Spec { return s.subs[name] }

// Table finds rows.
type Table struct {
	rows   []*Spec // top level, in the order given
	all    []*Spec // by ID
	byName map[string]*Spec
}

// NewTable makes a table of groups of rows. Rows flagged Restricted are left out unless admin is set. It panics on two rows of one name: an invariant of ours.
func NewTable(admin bool, groups ...[]Spec) *Table {
	t := &Table{byName: map[string]*Spec{}}
	for _, rows := range groups {
		for i := range rows {
			row := rows[i] // a table has rows of its own: two nodes of a process must not share them
			if row.Is(Restricted) && !admin {
				continue
			}
			if t.byName[row.Name] != nil {
				panic("command: two rows named " + row.Name)
			}
			t.add(&row, nil, admin)
			t.rows = append(t.rows, &row)
			t.byName[row.Name] = &row
		}
	}
	return t
}

func (t *Table) add(s, parent *Spec, admin bool) {
	s.Parent, s.ID, s.FullName = parent, len(t.all), s.Name
	if parent != nil {
		s.FullName = parent.Name + "|" + s.Name
	}
	t.all = append(t.all, s)
	if _, _, _, movable := s.KeyRange(); movable {
		s.Flags |= MovableKeys
	}
	s.categories = categoriesOf(s)
	subs := s.Subcommands
	s.Subcommands = nil
	if subs == nil {
		return
	}
	s.Subcommands = make([]Spec, 0, len(subs)) // never grows: the table keeps pointers to its elements
	s.subs = map[string]*Spec{}
	for i := range subs {
		if subs[i].Is(Restricted) && !admin {
			continue
		}
		s.Subcommands = append(s.Subcommands, subs[i])
		sub := &s.Subcommands[len(s.Subcommands)-1]
		if sub.Group == "" {
			sub.Group = s.Group
		}
		if s.subs[sub.Name] != nil {
			panic("command: two subcommands named " + s.Name + " " + sub.Name)
		}
		t.add(sub, s, admin)
		s.subs[sub.Name] = sub
	}
}

// Rows are the top-level rows in the order of the table.
func (t *Table) Rows() []*Spec { return t.rows }

// All are all rows, subcommands included, by ID.
func (t *Table) All() []*Spec { return t.all }

// Find finds a row by lower-case full name ("get", "client|list"); nil if there is none.
func (t *Table) Find(name string) *Spec {
	top, sub, isSub := strings.Cut(name, "|")
	s := t.byName[top]
	if s == nil || !isSub {
		return s
	}
	return s.subs[sub]
}

// Lookup finds the row of a request and checks the number of its words. Errors are Redis's: unknown command, unknown subcommand, wrong number of arguments.
func (t *Table) Lookup(argv [][]byte) (*Spec, error) {
	var tmp [32]byte
	s := t.byName[string(lower(tmp[:0], argv[0]))]
	if s == nil {
		return nil, unknown(argv)
	}
	if s.subs != nil && len(argv) > 1 {
		sub := s.subs[string(lower(tmp[:0], argv[1]))]
		if sub == nil {
			return nil, resp.Errorf("ERR unknown subcommand '%s'. Try %s HELP.", cut(argv[1], 128), strings.ToUpper(s.Name))
		}
		s = sub
	}
	if s.Run == nil || !s.arityFits(len(argv)) {
		return s, resp.Errorf("ERR wrong number of arguments for '%s' command", s.FullName)
	}
	return s, nil
}

// findAnyCase finds a row by its full name in whatever case ("GET", "client|LIST"); nil if there is none.
func (t *Table) findAnyCase(name []byte) *Spec {
	var tmp [64]byte
	return t.Find(string(lower(tmp[:0], name)))
}

// resolve finds the row of a request without regard to the number of its words; nil if there is none.
func (t *Table) resolve(argv [][]byte) *Spec {
	var tmp [32]byte
	s := t.byName[string(lower(tmp[:0], argv[0]))]
	if s != nil && s.subs != nil && len(argv) > 1 {
		return s.subs[string(lower(tmp[:0], argv[1]))]
	}
	return s
}

func (s *Spec) arityFits(words int) bool { return words == s.Arity || s.Arity < 0 && words >= -s.Arity }

// unknown is the error for a command that is not in the table: its name and the first arguments, cut at 128 bytes as Redis does.
func unknown(argv [][]byte) error {
	var b strings.Builder
	for _, a := range argv[1:] {
		if b.Len() >= 128 {
			break
		}
		a = cut(a, 128-b.Len())
		b.WriteByte('\'')
		b.Write(a)
		b.WriteString("' ")
	}
	return resp.Errorf("ERR unknown command '%s', with args beginning with: %s", cut(argv[0], 128), b.String())
}

// cut is what C's printf prints of b with a precision of n: at most n bytes, and none from the first zero byte on.
func cut(b []byte, n int) []byte {
	b = b[:min(len(b), n)]
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	return b
}

func lower(dst, src []byte) []byte {
	if len(src) > cap(dst) {
		src = src[:cap(dst)] // no command has so long a name
	}
	for _, c := range src {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
