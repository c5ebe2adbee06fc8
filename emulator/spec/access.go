package spec

import (
	"regexp"
	"slices"
	"strings"
)

// MaxAccessString is the greatest length of an access string, in bytes.
const MaxAccessString = 2048

// Categories are the command categories that access strings may name after +@ and -@, besides all. Source: ACL CAT of Redis 7; json and search are the service's own.
var Categories = []string{"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo", "stream", "pubsub",
	"admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting", "json", "search"}

var commandRule = regexp.MustCompile(`^[+-][a-z0-9][a-z0-9._-]*(\|[^ |]+)?$`)

// access is an access string taken apart: the user's state, its root permissions and its selectors.
type access struct {
	on        bool
	sanitize  string // sanitize-payload, skip-sanitize-payload, or empty when neither was given
	root      permissions
	selectors []permissions
}

// permissions are the rules of a user's root or of one selector. Key patterns are kept as ~p, %R~p or %W~p, channel patterns as &p.
type permissions struct {
	keys, channels       []string
	allKeys, allChannels bool
	all                  bool     // the command rules begin with +@all, not with -@all
	commands             []string // in their order, which has meaning
}

// CanonicalAccess is the form in which the service keeps an access string: the state first (off when none is given), key patterns, the channels (resetchannels unless all are
// allowed), the command rules (-@all in front unless they begin with all), then the selectors of Redis 7, each in the same form. Rules keep their order and what later rules undo is
// dropped: allkeys is ~*, resetkeys forgets the patterns before it. Password rules are refused: they belong to the user's AuthenticationMode.
//
// Source: developer guide, "Specifying permissions using an access string"; answers of the service: "~objects:* ~items:* ~public:*" is kept as
// "off ~objects:* ~items:* ~public:* resetchannels -@all".
func CanonicalAccess(s string) (string, error) {
	if len(s) > MaxAccessString {
		return "", refuse("Invalid access string. It must have at most %d characters.", MaxAccessString)
	}
	rules, err := splitRules(s)
	if err != nil {
		return "", err
	}
	var a access
	for _, r := range rules {
		if err := a.apply(r); err != nil {
			return "", refuse("Invalid access string. Error in rule '%s': %v", r, err)
		}
	}
	return a.String(), nil
}

// splitRules splits an access string at white space and keeps each selector as one rule.
func splitRules(s string) ([]string, error) {
	var rules, open []string
	for _, word := range strings.Fields(s) {
		switch {
		case open != nil:
			open = append(open, word)
		case strings.HasPrefix(word, "("):
			open = []string{word}
		default:
			rules = append(rules, word)
		}
		if open != nil && strings.HasSuffix(word, ")") {
			rules, open = append(rules, strings.Join(open, " ")), nil
		}
	}
	switch {
	case open != nil:
		return nil, refuse("Invalid access string. Unmatched parenthesis in selector starting at '%s'.", open[0])
	case len(rules) == 0:
		return nil, refuse("Invalid access string. It must not be empty.")
	}
	return rules, nil
}

func (a *access) apply(rule string) error {
	word := strings.ToLower(rule)
	switch word {
	case "on", "off":
		a.on = word == "on"
		return nil
	case "sanitize-payload", "skip-sanitize-payload":
		a.sanitize = word
		return nil
	case "clearselectors":
		a.selectors = nil
		return nil
	case "nopass", "resetpass", "reset":
		return refuse("Passwords are set with AuthenticationMode")
	}
	switch rule[0] {
	case '>', '<', '#', '!':
		return refuse("Passwords are set with AuthenticationMode")
	case '(':
		var p permissions
		for _, r := range strings.Fields(rule[1 : len(rule)-1]) {
			if strings.ContainsAny(r, "()") { // would end the selector when it is read again
				return errSyntax
			}
			if err := p.apply(r); err != nil {
				return err
			}
		}
		a.selectors = append(a.selectors, p)
		return nil
	}
	return a.root.apply(rule)
}

const (
	errSyntax      = Refusal("Syntax error")
	errUnknown     = Refusal("Unknown command or category name in ACL")
	errAllKeys     = Refusal("Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns")
	errAllChannels = Refusal("Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels")
)

func (p *permissions) apply(rule string) error {
	if strings.IndexByte(rule, 0) >= 0 {
		return errSyntax
	}
	switch strings.ToLower(rule) {
	case "allkeys":
		rule = "~*"
	case "resetkeys":
		p.keys, p.allKeys = nil, false
		return nil
	case "allchannels":
		rule = "&*"
	case "resetchannels":
		p.channels, p.allChannels = nil, false
		return nil
	case "allcommands", "+@all":
		p.all, p.commands = true, nil
		return nil
	case "nocommands", "-@all":
		p.all, p.commands = false, nil
		return nil
	}
	switch rule[0] {
	case '~':
		return p.key(rule)
	case '%':
		flags, pattern, ok := strings.Cut(rule[1:], "~")
		switch strings.ToUpper(flags) {
		case "R", "W":
			return p.key("%" + strings.ToUpper(flags) + "~" + pattern)
		case "RW", "WR":
			if ok {
				return p.key("~" + pattern)
			}
		}
		return errSyntax
	case '&':
		return p.channel(rule)
	case '+', '-':
		return p.command(strings.ToLower(rule))
	}
	return errSyntax
}

func (p *permissions) key(pattern string) error {
	switch {
	case !strings.Contains(pattern, "~"):
		return errSyntax
	case p.allKeys && pattern != "~*":
		return errAllKeys
	case pattern == "~*":
		p.keys, p.allKeys = []string{pattern}, true
	case !slices.Contains(p.keys, pattern):
		p.keys = append(p.keys, pattern)
	}
	return nil
}

func (p *permissions) channel(pattern string) error {
	switch {
	case p.allChannels && pattern != "&*":
		return errAllChannels
	case pattern == "&*":
		p.channels, p.allChannels = []string{pattern}, true
	case !slices.Contains(p.channels, pattern):
		p.channels = append(p.channels, pattern)
	}
	return nil
}

func (p *permissions) command(rule string) error {
	if category, ok := strings.CutPrefix(rule[1:], "@"); ok {
		if !slices.Contains(Categories, category) {
			return errUnknown
		}
	} else if !commandRule.MatchString(rule) {
		return errSyntax
	}
	p.commands = append(p.commands, rule)
	return nil
}

// String is the canonical form.
func (a *access) String() string {
	words := []string{"off"}
	if a.on {
		words[0] = "on"
	}
	if a.sanitize != "" {
		words = append(words, a.sanitize)
	}
	words = append(words, a.root.words()...)
	for _, s := range a.selectors {
		words = append(words, "("+strings.Join(s.words(), " ")+")")
	}
	return strings.Join(words, " ")
}

func (p *permissions) words() []string {
	words := slices.Clone(p.keys)
	if !p.allChannels {
		words = append(words, "resetchannels")
	}
	words = append(words, p.channels...)
	if p.all {
		words = append(words, "+@all")
	} else {
		words = append(words, "-@all")
	}
	return append(words, p.commands...)
}
