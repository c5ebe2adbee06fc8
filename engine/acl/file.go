package acl

import (
	"errors"
	"fmt"
	"strings"

	"github.com/openmemorydb/memorydb/engine/resp"
)

const (
	errNoFile resp.Error = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then" +
		" issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration."
	errSave resp.Error = "ERR There was an error trying to save the ACLs. Please check the server logs for more information"
)

// line is the user as ACL LIST prints it and as an ACL file has it.
func (u *User) line() string { return "user " + u.name + " " + u.Describe() }

// Save writes all users to the ACL file, which must be configured. The error that the file gave is wrapped.
func (s *Store) Save() error {
	var b strings.Builder
	for _, u := range s.sorted() {
		b.WriteString(u.line() + "\n")
	}
	if err := s.cfg.File.Save([]byte(b.String())); err != nil {
		return fmt.Errorf("%w: %w", errSave, err)
	}
	return nil
}

// Load makes the lines of the ACL file, which must be configured, the users of the node: all of them or, if a line is wrong, none. The error, in Redis's
// words, lists all that is wrong. The connections of all users but the default one are revoked.
func (s *Store) Load() error {
	name := s.cfg.File.Name()
	text, err := s.cfg.File.Load()
	if err != nil {
		return resp.Errorf("ERR Error loading ACLs, opening file '%s': %v", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index == nil {
		return ErrNoTable
	}
	m, faults := map[string]*User{}, ""
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.Trim(line, " \t\r\n")
		if line != "" {
			faults += s.loadLine(m, name, i+1, line)
		}
	}
	if faults != "" {
		return resp.Error("ERR " + faults + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed")
	}
	for _, u := range m {
		u.seal().serial = s.nextSerial()
	}
	if m[DefaultUser] == nil {
		m[DefaultUser] = newDefault(s.index)
	}
	m[DefaultUser].serial = s.Default().serial
	s.publish(m)
	return nil
}

// loadLine adds the user of one line to m, and returns what is wrong with it.
func (s *Store) loadLine(m map[string]*User, file string, number int, line string) string {
	words := strings.Split(line, " ")
	if words[0] != "user" || len(words) < 2 {
		return fmt.Sprintf("%s:%d should start with user keyword followed by the username. ", file, number)
	}
	name := words[1]
	if hasSpace(name) {
		return fmt.Sprintf("'%s:%d: username '%s' contains invalid characters. ", file, number, name)
	}
	if m[name] != nil {
		return fmt.Sprintf("WARNING: Duplicate user '%s' found on line %d. ", name, number)
	}
	u := newUser(name, s.index)
	m[name] = u
	rules, err := mergeSelectors(words[2:])
	if err != nil {
		return fmt.Sprintf("%s:%d: Unmatched parenthesis in selector definition.", file, number)
	}
	faults, told := "", false
	for _, r := range rules {
		r = strings.Trim(r, "\t\r\n")
		switch err := u.applyOne(r); {
		case errors.Is(err, ErrUnknown): // names no secret
			faults += fmt.Sprintf("%s:%d: Error in applying operation '%s': %v. ", file, number, r, err)
		case err != nil && !told:
			faults += fmt.Sprintf("%s:%d: %v. ", file, number, err)
			told = true
		}
	}
	return faults
}

// ruleReply is the error reply for rules that could not be applied.
func ruleReply(err error) error {
	var rule *RuleError
	var unmatched *UnmatchedError
	if errors.As(err, &rule) || errors.As(err, &unmatched) {
		return resp.Error("ERR " + err.Error())
	}
	return err
}
