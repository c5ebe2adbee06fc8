package spec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxAccessString is the greatest length of an access string, in bytes.
const MaxAccessString = 2048

// access is what an access string, or a selector of one, allows.
type access struct {
	state     string
	keys      []string
	channels  []string
	commands  []string
	selectors []string
}

// CanonicalAccess is an access string in the form in which the service keeps it: the state first (off if none is given), then key patterns, channels (resetchannels unless all are
// allowed), command rules (-@all first unless they begin with +@all), and selectors. The order of command rules is meaningful and stays.
//
// The grammar is that of Redis 7's ACL rules without those about passwords, which the API takes apart. The error says what is wrong.
// Source: developer guide, "Authenticating users with Access Control Lists"; sample answers of the CLI.
func CanonicalAccess(text string) (string, error) {
	if strings.TrimSpace(text) == "" {
		return "", errors.New("The access string must not be empty.")
	}
	if len(text) > MaxAccessString {
		return "", fmt.Errorf("The access string must have at most %d characters.", MaxAccessString)
	}
	words, err := accessWords(text)
	if err != nil {
		return "", err
	}
	a := access{state: "off", commands: []string{"-@all"}}
	for _, w := range words {
		if strings.HasPrefix(w, "(") {
			sel := access{commands: []string{"-@all"}}
			for _, inner := range strings.Fields(w[1 : len(w)-1]) {
				if err := sel.rule(inner, true); err != nil {
					return "", err
				}
			}
			a.selectors = append(a.selectors, "("+strings.Join(sel.words(), " ")+")")
			continue
		}
		if err := a.rule(w, false); err != nil {
			return "", err
		}
	}
	return strings.Join(a.words(), " "), nil
}

// accessWords splits at spaces outside of parentheses.
func accessWords(text string) ([]string, error) {
	var words []string
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		if rest[0] != '(' {
			w, after, _ := strings.Cut(rest, " ")
			words, rest = append(words, w), after
			continue
		}
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return nil, errors.New("Invalid Access String: unmatched parenthesis.")
		}
		words, rest = append(words, rest[:end+1]), rest[end+1:]
	}
	return words, nil
}

// rule takes one rule.
func (a *access) rule(w string, selector bool) error {
	bad := fmt.Errorf("Invalid Access String: the rule %q is not allowed.", w)
	switch {
	case !selector && (w == "on" || w == "off"):
		a.state = w
	case !selector && w == "clearselectors":
		a.selectors = nil
	case w == "allkeys" || w == "~*":
		a.keys = []string{"~*"}
	case w == "resetkeys":
		a.keys = nil
	case w == "allchannels" || w == "&*":
		a.channels = []string{"&*"}
	case w == "resetchannels":
		a.channels = nil
	case w == "allcommands" || strings.EqualFold(w, "+@all"):
		a.commands = []string{"+@all"}
	case w == "nocommands" || strings.EqualFold(w, "-@all"):
		a.commands = []string{"-@all"}
	case w[0] == '~' || w[0] == '%':
		if w[0] == '%' && !keyPermission(w) {
			return bad
		}
		if !slices.Contains(a.keys, "~*") && !slices.Contains(a.keys, w) {
			a.keys = append(a.keys, w)
		}
	case w[0] == '&':
		if !slices.Contains(a.channels, "&*") && !slices.Contains(a.channels, w) {
			a.channels = append(a.channels, w)
		}
	case (w[0] == '+' || w[0] == '-') && len(w) > 1 && w[1:] != "@":
		a.commands = append(a.commands, w)
	default:
		return bad
	}
	return nil
}

// keyPermission says whether w is %R~pattern, %W~pattern or %RW~pattern.
func keyPermission(w string) bool {
	flags, _, ok := strings.Cut(w[1:], "~")
	return ok && flags != "" && strings.Trim(strings.ToUpper(flags), "RW") == "" && len(flags) <= 2
}

// words are the canonical rules.
func (a *access) words() []string {
	var out []string
	if a.state != "" {
		out = append(out, a.state)
	}
	out = append(out, a.keys...)
	if !slices.Contains(a.channels, "&*") {
		out = append(out, "resetchannels")
	}
	out = append(out, a.channels...)
	out = append(out, a.commands...)
	return append(out, a.selectors...)
}
