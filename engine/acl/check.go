package acl

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// Cause says why a request is denied; the order is that of Redis, in which a later cause is told rather than an earlier one.
type Cause uint8

// The causes.
const (
	Allowed Cause = iota
	DeniedCommand
	DeniedKey
	DeniedAuth // of log entries only
	DeniedChannel
)

// String is the cause as ACL LOG prints it.
func (c Cause) String() string { return [...]string{"", "command", "key", "auth", "channel"}[c] }

// Denial is the outcome of a check; its zero value means allowed.
type Denial struct {
	Cause Cause
	// Arg is the index of the key or channel among the request's words.
	Arg int
}

// Reply is the error that the client gets; row is what it asked for.
func (d Denial) Reply(row *command.Spec) resp.Error {
	switch d.Cause {
	case DeniedKey:
		return "NOPERM this user has no permissions to access one of the keys used as arguments"
	case DeniedChannel:
		return "NOPERM this user has no permissions to access one of the channels used as arguments"
	}
	return resp.Errorf("NOPERM this user has no permissions to run the '%s' command", row.FullName)
}

// ScriptError is what a script's call gets; the caller puts the error's code in front of it.
func (d Denial) ScriptError() string {
	switch d.Cause {
	case DeniedKey:
		return "The user executing the script can't access at least one of the keys mentioned in the command arguments"
	case DeniedChannel:
		return "The user executing the script can't publish to the channel mentioned in the command"
	}
	return "The user executing the script can't run this command or subcommand"
}

// Object is what an ACL LOG entry about the denial names: the command, key or channel.
func (d Denial) Object(row *command.Spec, argv [][]byte) string {
	if d.Cause == DeniedCommand {
		return row.FullName
	}
	return string(argv[d.Arg])
}

// Check says whether the user may run a request. argv are its words, keys its keys as Spec.KeysOf found them (none if that failed: the command will refuse
// by itself). A request is allowed if one selector allows its command, all its keys and all its channels.
func (u *User) Check(row *command.Spec, argv [][]byte, keys []command.Key) Denial {
	if u.open {
		return Denial{}
	}
	return u.check(row, argv, keys)
}

func (u *User) check(row *command.Spec, argv [][]byte, keys []command.Key) Denial {
	told := Denial{Cause: DeniedCommand}
	for i := range u.selectors {
		d := u.selectors[i].check(row, argv, keys)
		if d.Cause == Allowed {
			return d
		}
		if d.Cause > told.Cause || d.Cause == told.Cause && d.Arg > told.Arg {
			told = d
		}
	}
	return told
}

func (s *selector) check(row *command.Spec, argv [][]byte, keys []command.Key) Denial {
	if !s.mayRun(row, argv) {
		return Denial{Cause: DeniedCommand}
	}
	if !s.allKeys {
		for _, k := range keys {
			if k.Flags&command.NotKey == 0 && !s.mayTouch(argv[k.Index], k.Flags) {
				return Denial{DeniedKey, k.Index}
			}
		}
	}
	if !s.allChannels && row.Is(command.PubSub) {
		first, last, isPattern := channels(row, argv)
		for i := first; i < last; i++ {
			if !s.mayUse(argv[i], isPattern) {
				return Denial{DeniedChannel, i}
			}
		}
	}
	return Denial{}
}

// channels are the words of a request that are channels or patterns to publish to or to subscribe to: argv[first:last].
func channels(row *command.Spec, argv [][]byte) (first, last int, isPattern bool) {
	switch row.Name {
	case "publish", "spublish":
		return 1, min(2, len(argv)), false
	case "subscribe", "ssubscribe":
		return 1, len(argv), false
	case "psubscribe":
		return 1, len(argv), true
	}
	return 0, 0, false
}

// MayTouch says whether some selector allows f on the key.
func (u *User) MayTouch(key []byte, f command.KeyFlags) bool {
	if u.open {
		return true
	}
	for i := range u.selectors {
		if u.selectors[i].mayTouch(key, f) {
			return true
		}
	}
	return false
}

// MayTouchAll says whether the user may run a request and one selector that allows it also allows f on every key of the keyspace: SORT with BY and GET asks.
func (u *User) MayTouchAll(row *command.Spec, argv [][]byte, keys []command.Key, f command.KeyFlags) bool {
	if u.open {
		return true
	}
	for i := range u.selectors {
		s := &u.selectors[i]
		if s.check(row, argv, keys).Cause == Allowed && s.mayTouchAll(f) {
			return true
		}
	}
	return false
}

// MaySubscribe says whether some selector allows a channel, or a pattern of PSUBSCRIBE. A connection whose user has changed asks for each of its
// subscriptions, and is closed if one is not allowed any more.
func (u *User) MaySubscribe(channel []byte, isPattern bool) bool {
	if u.open {
		return true
	}
	for i := range u.selectors {
		if u.selectors[i].mayUse(channel, isPattern) {
			return true
		}
	}
	return false
}
