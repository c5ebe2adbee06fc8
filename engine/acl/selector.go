package acl

import (
	"bytes"
	"slices"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
)

// permission is what a key pattern allows.
type permission uint8

const (
	read permission = 1 << iota
	write
)

type keyPattern struct {
	glob    glob
	allowed permission
}

// glob is a pattern of keys or channels. Most are a prefix and a star, which needs no matching.
type glob struct {
	text   []byte
	prefix []byte // text without its star
	simple bool   // prefix says it all
}

func newGlob(text string) glob {
	g := glob{text: []byte(text)}
	if prefix, ok := strings.CutSuffix(text, "*"); ok && !strings.ContainsAny(prefix, `*?[\`) {
		g.prefix, g.simple = g.text[:len(prefix)], true
	}
	return g
}

func (g *glob) matches(s []byte) bool {
	if g.simple && len(s) > 0 { // the empty string is for Match to judge
		return bytes.HasPrefix(s, g.prefix)
	}
	return command.Match(g.text, s)
}

// firstArgs are the first arguments with which a forbidden command is allowed all the same (+select|0).
type firstArgs struct {
	command int // ID
	args    []string
}

// selector is one set of permissions; a request must be allowed by one selector as a whole.
type selector struct {
	allCommands bool // nothing has been taken away since +@all
	future      bool // +@all was the last such rule: what is not listed is allowed
	allKeys     bool
	allChannels bool

	commands  bitset
	firstArgs []firstArgs
	keys      []keyPattern
	channels  []glob
}

func (s *selector) clone() selector {
	c := *s
	c.keys, c.channels = slices.Clone(s.keys), slices.Clone(s.channels)
	c.firstArgs = slices.Clone(s.firstArgs)
	for i := range c.firstArgs {
		c.firstArgs[i].args = slices.Clone(c.firstArgs[i].args)
	}
	return c
}

func (s *selector) allowAll(ix *index) {
	s.commands, s.firstArgs = ix.all, nil
	s.allCommands, s.future = true, true
}

func (s *selector) forbidAll() {
	s.commands, s.firstArgs = bitset{}, nil
	s.allCommands, s.future = false, false
}

// change allows or forbids a row, and with a container all its subcommands.
func (s *selector) change(row *command.Spec, allow bool) {
	s.commands.set(row.ID, allow)
	for i := range row.Subcommands {
		s.commands.set(row.Subcommands[i].ID, allow)
	}
	s.dropFirstArgs(row.ID)
	s.allCommands = s.allCommands && allow
}

// changeCategory allows or forbids the rows of a category.
func (s *selector) changeCategory(c *category, allow bool) {
	s.commands.setAll(&c.reach, allow)
	for _, row := range c.top {
		s.dropFirstArgs(row.ID)
	}
	s.allCommands = s.allCommands && (allow || c.reach == bitset{})
}

func (s *selector) dropFirstArgs(id int) {
	s.firstArgs = slices.DeleteFunc(s.firstArgs, func(f firstArgs) bool { return f.command == id })
}

func (s *selector) addFirstArg(id int, arg string) {
	i := slices.IndexFunc(s.firstArgs, func(f firstArgs) bool { return f.command == id })
	if i < 0 {
		s.firstArgs = append(s.firstArgs, firstArgs{command: id, args: []string{arg}})
		return
	}
	f := &s.firstArgs[i]
	if !slices.ContainsFunc(f.args, func(a string) bool { return lower(a) == lower(arg) }) {
		f.args = append(f.args, arg)
	}
}

func (s *selector) addKeys(pattern string, allowed permission) {
	for i := range s.keys {
		if string(s.keys[i].glob.text) == pattern {
			s.keys[i].allowed |= allowed
			return
		}
	}
	s.keys = append(s.keys, keyPattern{newGlob(pattern), allowed})
}

func (s *selector) addChannels(pattern string) {
	for i := range s.channels {
		if string(s.channels[i].text) == pattern {
			return
		}
	}
	s.channels = append(s.channels, newGlob(pattern))
}

// mayRun says whether the selector allows the command as such, whatever its keys.
func (s *selector) mayRun(row *command.Spec, argv [][]byte) bool {
	if s.allCommands || s.commands.has(row.ID) || row.Is(command.NoAuth) {
		return true
	}
	for i := range s.firstArgs {
		f := &s.firstArgs[i]
		if f.command != row.ID || len(argv) < 2 {
			continue
		}
		for _, a := range f.args {
			if lower(a) == lower(string(argv[1])) {
				return true
			}
		}
	}
	return false
}

// needs is the permission that what a command does with a key asks for. Looking only at metadata (EXISTS, TYPE) needs some pattern, whatever it allows.
func needs(f command.KeyFlags) permission {
	var p permission
	if f&command.Access != 0 {
		p |= read
	}
	if f&(command.Insert|command.Delete|command.Update) != 0 {
		p |= write
	}
	return p
}

func (s *selector) mayTouch(key []byte, f command.KeyFlags) bool {
	if s.allKeys {
		return true
	}
	need := needs(f)
	for i := range s.keys {
		if k := &s.keys[i]; k.allowed&need == need && k.glob.matches(key) {
			return true
		}
	}
	return false
}

// mayTouchAll says whether the selector allows f on every key, by a pattern that is just *.
func (s *selector) mayTouchAll(f command.KeyFlags) bool {
	if s.allKeys {
		return true
	}
	need := needs(f)
	for i := range s.keys {
		if k := &s.keys[i]; k.allowed&need == need && string(k.glob.text) == "*" {
			return true
		}
	}
	return false
}

// mayUse says whether the selector allows a channel. A pattern of PSUBSCRIBE must be literally one of the selector's.
func (s *selector) mayUse(channel []byte, isPattern bool) bool {
	if s.allChannels {
		return true
	}
	for i := range s.channels {
		c := &s.channels[i]
		if isPattern && string(c.text) == string(channel) || !isPattern && c.matches(channel) {
			return true
		}
	}
	return false
}
