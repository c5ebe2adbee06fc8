package acl

import (
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
)

// Describe is the canonical form of the user's rules, as ACL LIST prints it after the name; read back as rules of a new user it gives the same user.
func (u *User) Describe() string {
	var b strings.Builder
	b.WriteString(strings.Join(u.flags(), " "))
	for _, p := range u.passwords {
		b.WriteString(" #" + p)
	}
	for i := range u.selectors {
		words := u.selectors[i].describe(u.index)
		if i == 0 {
			b.WriteString(" " + strings.Join(words, " "))
			continue
		}
		for j := range words {
			words[j] = quoteArg(words[j])
		}
		b.WriteString(" (" + strings.Join(words, " ") + ")")
	}
	return b.String()
}

// flags are the user's flags in Redis's order.
func (u *User) flags() []string {
	flags := []string{"off"}
	if u.on {
		flags[0] = "on"
	}
	if u.noPass {
		flags = append(flags, "nopass")
	}
	switch u.sanitize {
	case sanitizeSkip:
		flags = append(flags, "skip-sanitize-payload")
	case sanitizeYes:
		flags = append(flags, "sanitize-payload")
	}
	return flags
}

// describe are the selector's rules, one a word: keys, channels, commands.
func (s *selector) describe(ix *index) []string {
	words := s.describeKeys()
	channels := s.describeChannels()
	if !s.allChannels {
		words = append(words, "resetchannels")
	}
	words = append(words, channels...)
	return append(words, s.describeCommands(ix)...)
}

func (s *selector) describeKeys() []string {
	if s.allKeys {
		return []string{"~*"}
	}
	var words []string
	for _, k := range s.keys {
		words = append(words, [...]string{read: "%R~", write: "%W~", read | write: "~"}[k.allowed]+string(k.glob.text))
	}
	return words
}

func (s *selector) describeChannels() []string {
	if s.allChannels {
		return []string{"&*"}
	}
	var words []string
	for _, c := range s.channels {
		words = append(words, "&"+string(c.text))
	}
	return words
}

// describeCommands are rules that give the selector's set of commands. They begin with +@all or -@all, go on with the categories that fit best, and end
// with single commands: on the way they are applied to a selector of ours, so that what is still wrong is known.
func (s *selector) describeCommands(ix *index) []string {
	var made selector
	word := "-@all"
	if s.future {
		word = "+@all"
		made.allowAll(ix)
	}
	words := []string{word}
	rest := s.clone() // without what the chosen categories have settled
	applied := make([]bool, len(ix.categories))
	for {
		best := rest.bestCategory(ix, applied, !s.future)
		if best < 0 {
			break
		}
		c := &ix.categories[best]
		applied[best] = true
		word = "+@" + c.name
		if s.future {
			word = "-@" + c.name
		}
		words = append(words, word)
		made.changeCategory(c, !s.future)
		rest.changeCategory(c, s.future)
	}
	for _, row := range ix.table.Rows() {
		words = s.describeRow(words, &made, row)
		for i := range row.Subcommands {
			words = s.describeRow(words, &made, &row.Subcommands[i])
		}
	}
	return words
}

// describeRow appends what is left to say of one row.
func (s *selector) describeRow(words []string, made *selector, row *command.Spec) []string {
	allowed := s.commands.has(row.ID)
	if allowed != made.commands.has(row.ID) {
		sign := "-"
		if allowed {
			sign = "+"
		}
		words = append(words, sign+row.FullName)
		made.change(row, allowed)
	}
	if allowed {
		return words
	}
	for _, f := range s.firstArgs {
		if f.command != row.ID {
			continue
		}
		for _, arg := range f.args {
			words = append(words, "+"+row.FullName+"|"+arg)
		}
	}
	return words
}

// bestCategory is the category not yet applied that settles most at the least cost: more of its commands agree than differ, the fewest differ, and among
// these the most agree. -1 if there is none. additive says that we go from nothing upwards.
func (s *selector) bestCategory(ix *index, applied []bool, additive bool) int {
	best, fewest, most := -1, 0, 0
	for i := range ix.categories {
		if applied[i] {
			continue
		}
		agree, differ := s.commands.count(&ix.categories[i].members)
		if !additive {
			agree, differ = differ, agree
		}
		if agree > differ && (best < 0 || differ < fewest || differ == fewest && agree > most) {
			best, fewest, most = i, differ, agree
		}
	}
	return best
}
