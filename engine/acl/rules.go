package acl

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Reason is why a rule can't be applied, in Redis's words.
type Reason string

// Error is the reason's text.
func (r Reason) Error() string { return string(r) }

// The reasons.
const (
	// ErrSyntax is returned for a rule that is not understood, and for a pattern with a space or nul in it.
	ErrSyntax Reason = "Syntax error"
	// ErrUnknown is returned for a command or category that does not exist.
	ErrUnknown Reason = "Unknown command or category name in ACL"
	// ErrAllKeys is returned for a key pattern after ~*.
	ErrAllKeys Reason = "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect." +
		" Try 'resetkeys' to start with an empty list of patterns"
	// ErrAllChannels is returned for a channel pattern after &*.
	ErrAllChannels Reason = "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect." +
		" Try 'resetchannels' to start with an empty list of channels"
	// ErrNoSuchPassword is returned when a password to remove is not there.
	ErrNoSuchPassword Reason = "The password you are trying to remove from the user does not exist"
	// ErrBadHash is returned for a password hash that is not one.
	ErrBadHash Reason = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
	// ErrSubcommandArg is returned for a first argument of a subcommand (+config|get|x).
	ErrSubcommandArg Reason = "Allowing first-arg of a subcommand is not supported"
)

// RuleError is returned for a rule that can't be applied; nothing of its list was applied. Its text is that of ACL SETUSER.
type RuleError struct {
	Rule string
	// Err is one of the reasons.
	Err error
}

// Error is "Error in ACL SETUSER modifier '…': …".
func (e *RuleError) Error() string {
	return fmt.Sprintf("Error in ACL SETUSER modifier '%s': %v", e.Rule, e.Err)
}

// Unwrap is the reason, for errors.Is.
func (e *RuleError) Unwrap() error { return e.Err }

// UnmatchedError is returned for a selector whose closing parenthesis is missing. Rule is its first word.
type UnmatchedError struct{ Rule string }

// Error is Redis's text.
func (e *UnmatchedError) Error() string {
	return fmt.Sprintf("Unmatched parenthesis in acl selector starting at '%s'.", e.Rule)
}

// apply applies rules to u, which must not be visible to others yet. After an error u is spoilt.
func (u *User) apply(rules []string) error {
	rules, err := mergeSelectors(rules)
	if err != nil {
		return err
	}
	for _, r := range rules {
		if err := u.applyOne(r); err != nil {
			return &RuleError{Rule: r, Err: err}
		}
	}
	return nil
}

// mergeSelectors joins the words of each selector that came in several.
func mergeSelectors(rules []string) ([]string, error) {
	var merged, open []string
	for _, r := range rules {
		switch {
		case strings.HasPrefix(r, "(") && !strings.HasSuffix(r, ")"): // a second one replaces the first, as in Redis
			open = []string{r}
		case open != nil:
			open = append(open, r)
			if strings.HasSuffix(r, ")") {
				merged, open = append(merged, strings.Join(open, " ")), nil
			}
		default:
			merged = append(merged, r)
		}
	}
	if open != nil {
		return nil, &UnmatchedError{open[0]}
	}
	return merged, nil
}

func (u *User) applyOne(rule string) error {
	if rule == "" {
		return nil
	}
	switch lower(rule) {
	case "on":
		u.on = true
		return nil
	case "off":
		u.on = false
		return nil
	case "skip-sanitize-payload":
		u.sanitize = sanitizeSkip
		return nil
	case "sanitize-payload":
		u.sanitize = sanitizeYes
		return nil
	case "nopass":
		u.noPass, u.passwords = true, nil
		return nil
	case "resetpass":
		u.noPass, u.passwords = false, nil
		return nil
	case "clearselectors":
		u.selectors = u.selectors[:1]
		return nil
	case "reset":
		name, ix, serial := u.name, u.index, u.serial
		*u = *newUser(name, ix)
		u.serial, u.sanitize = serial, sanitizeYes
		return nil
	}
	switch rule[0] {
	case '>', '#':
		return u.addPassword(rule)
	case '<', '!':
		return u.removePassword(rule)
	case '(':
		if !strings.HasSuffix(rule, ")") {
			break
		}
		var s selector
		for _, r := range splitArgs(rule[1 : len(rule)-1]) {
			if err := s.applyOne(u.index, r); err != nil {
				return err
			}
		}
		u.selectors = append(u.selectors, s)
		return nil
	}
	return u.selectors[0].applyOne(u.index, rule)
}

func (u *User) addPassword(rule string) error {
	h, err := passwordHash(rule[1:], rule[0] == '>')
	if err != nil {
		return err
	}
	if !slices.Contains(u.passwords, h) {
		u.passwords = append(u.passwords, h)
	}
	u.noPass = false
	return nil
}

func (u *User) removePassword(rule string) error {
	h, err := passwordHash(rule[1:], rule[0] == '<')
	if err != nil {
		return err
	}
	i := slices.Index(u.passwords, h)
	if i < 0 {
		return ErrNoSuchPassword
	}
	u.passwords = slices.Delete(u.passwords, i, i+1)
	return nil
}

// passwordHash is the hash of a password in clear text, or the given hash after a check of its form.
func passwordHash(s string, plain bool) (string, error) {
	if plain {
		return HashPassword(s), nil
	}
	if len(s) != 2*sha256.Size || strings.Trim(s, "0123456789abcdef") != "" {
		return "", ErrBadHash
	}
	return s, nil
}

// HashPassword is the form in which rules and definitions carry a password: SHA-256 as 64 lower-case hexadecimal digits.
func HashPassword(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// applyOne applies a rule about keys, channels or commands.
func (s *selector) applyOne(ix *index, rule string) error {
	switch lower(rule) {
	case "allkeys", "~*":
		s.allKeys, s.keys = true, nil
		return nil
	case "resetkeys":
		s.allKeys, s.keys = false, nil
		return nil
	case "allchannels", "&*":
		s.allChannels, s.channels = true, nil
		return nil
	case "resetchannels":
		s.allChannels, s.channels = false, nil
		return nil
	case "allcommands", "+@all":
		s.allowAll(ix)
		return nil
	case "nocommands", "-@all":
		s.forbidAll()
		return nil
	case "":
		return ErrSyntax
	}
	switch rule[0] {
	case '~':
		return s.applyKeys(rule[1:], read|write)
	case '%':
		return s.applyKeyPermission(rule[1:])
	case '&':
		if s.allChannels {
			return ErrAllChannels
		}
		if hasSpace(rule) {
			return ErrSyntax
		}
		s.addChannels(rule[1:])
		return nil
	case '+', '-':
		allow := rule[0] == '+'
		if strings.HasPrefix(rule[1:], "@") {
			c := ix.category(rule[2:])
			if c == nil {
				return ErrUnknown
			}
			s.changeCategory(c, allow)
			return nil
		}
		if i := strings.LastIndexByte(rule, '|'); i >= 0 && allow {
			return s.allowPart(ix, rule[1:], rule[1:i], rule[i+1:])
		}
		row, known := ix.lookup(rule[1:])
		if !known {
			return ErrUnknown
		}
		if row != nil {
			s.change(row, allow)
		}
		return nil
	}
	return ErrSyntax
}

func (s *selector) applyKeys(glob string, allowed permission) error {
	if s.allKeys {
		return ErrAllKeys
	}
	if hasSpace(glob) {
		return ErrSyntax
	}
	s.addKeys(glob, allowed)
	return nil
}

// applyKeyPermission applies %R~glob, %W~glob and %RW~glob, given without its %.
func (s *selector) applyKeyPermission(rule string) error {
	if s.allKeys {
		return ErrAllKeys
	}
	letters, glob, _ := strings.Cut(rule, "~")
	var allowed permission
	for i := range len(letters) {
		p := read
		switch letters[i] {
		case 'R', 'r':
		case 'W', 'w':
			p = write
		default:
			return ErrSyntax
		}
		if allowed&p != 0 {
			return ErrSyntax
		}
		allowed |= p
	}
	if allowed == 0 {
		return ErrSyntax
	}
	return s.applyKeys(glob, allowed)
}

// allowPart applies +name|part: a subcommand, or the first argument of a command that has none.
func (s *selector) allowPart(ix *index, full, name, part string) error {
	row, known := ix.lookup(name)
	switch {
	case !known:
		return ErrUnknown
	case strings.Contains(name, "|"):
		return ErrSubcommandArg
	case part == "":
		return ErrSyntax
	case isContainer(row, name):
		sub, known := ix.lookup(full)
		if !known {
			return ErrUnknown
		}
		if sub != nil {
			s.change(sub, true)
		}
	case hasSpace(part):
		return ErrSyntax
	case row != nil:
		s.addFirstArg(row.ID, part)
	}
	return nil
}

// hasSpace says whether s holds a space as C sees it, or a nul.
func hasSpace(s string) bool { return strings.ContainsAny(s, " \t\n\v\f\r\x00") }
