// Package acl says who may run what on which keys and channels: Redis 7.0's ACL model (users, rules, selectors), the check that stands on the path of
// every command, the set of users of a node, and the ACL commands.
//
// A User never changes once others can see it: a change makes a new one and publishes it in a new set, so that connections read theirs without a lock.
// Source of rules, texts and the canonical description: the Redis documentation on ACL and the behaviour of redis-server 7.0.15. Deviations:
//
//   - A rule may name any command of Redis 7.0; one that this engine does not offer is accepted and changes nothing, as Redis's rules are blind to
//     renamed commands.
//   - A description quotes what Redis would print so that it can't be read back (a selector's pattern with a quote in it, or with ) at its end).
//   - The first argument of +command|arg with a space or nul in it is a syntax error.
//   - ACL LOG keeps the first 1024 bytes of a key, channel or user name.
//
// The package has no goroutine, knows no socket and no disk.
package acl

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
)

// User is an immutable user: a name, how to authenticate, and selectors, of which the first is the root.
type User struct {
	name      string
	on        bool
	noPass    bool
	sanitize  sanitize
	passwords []string // SHA-256, 64 lower-case hexadecimal digits each
	selectors []selector
	index     *index

	open   bool   // some selector allows everything
	serial uint64 // stays the same while a user changes, new when it was deleted and created again
}

// sanitize says what RESTORE does with payloads of this user; 7.0.15 prints nothing until a rule has said so.
type sanitize uint8

const (
	sanitizeUnset sanitize = iota
	sanitizeSkip
	sanitizeYes
)

// newUser is a user as Redis creates it: off, without password, allowed nothing.
func newUser(name string, ix *index) *User {
	return &User{name: name, index: ix, selectors: []selector{{}}}
}

// newDefault is the user that new connections have: on, without password, allowed everything.
func newDefault(ix *index) *User {
	u := newUser(DefaultUser, ix)
	u.on, u.noPass = true, true
	root := &u.selectors[0]
	root.allKeys, root.allChannels = true, true
	root.allowAll(ix)
	return u.seal()
}

// clone is a copy that rules may be applied to.
func (u *User) clone() *User {
	c := *u
	c.passwords = slices.Clone(u.passwords)
	c.selectors = make([]selector, len(u.selectors))
	for i := range u.selectors {
		c.selectors[i] = u.selectors[i].clone()
	}
	return &c
}

// seal computes what follows from the rules; u does not change after it.
func (u *User) seal() *User {
	u.open = slices.ContainsFunc(u.selectors, func(s selector) bool { return s.allCommands && s.allKeys && s.allChannels })
	return u
}

// Name is the user's name.
func (u *User) Name() string { return u.name }

// On says whether the user may authenticate. Connections that have done so go on when it is switched off, as in Redis.
func (u *User) On() bool { return u.on }

// NoPassword says whether every password is right.
func (u *User) NoPassword() bool { return u.noPass }

// SkipSanitize says whether the payloads that this user restores are trusted (skip-sanitize-payload).
func (u *User) SkipSanitize() bool { return u.sanitize == sanitizeSkip }

// Welcome says whether a connection has this user without authenticating; it matters for the default user.
func (u *User) Welcome() bool { return u.on && u.noPass }

// authenticate compares password with all of the user's, in a time that does not depend on which one fits or how far.
func (u *User) authenticate(password string) bool {
	sum := sha256.Sum256([]byte(password))
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], sum[:])
	fits := 0
	for _, p := range u.passwords {
		fits |= subtle.ConstantTimeCompare([]byte(p), text[:])
	}
	return u.on && (u.noPass || fits == 1)
}
