package server

import (
	"errors"
	"time"

	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/command"
)

// ScriptPermission is nil if the user of a connection of this server may execute a request that a script of its makes, else what Redis says of it. A denial is
// noted in ACL LOG if logged is set.
func ScriptPermission(client *command.Client, row *command.Spec, argv [][]byte, logged bool) error {
	c, ok := client.Session.(*conn)
	if !ok {
		return nil // a test's
	}
	keys, err := row.KeysOf(argv, nil)
	if err != nil {
		keys = nil // the command refuses by itself
	}
	denied := c.user.Check(row, argv, keys)
	if denied.Cause == acl.Allowed {
		return nil
	}
	if logged {
		c.logDenial(denied, acl.Lua, row, argv)
	}
	switch denied.Cause {
	case acl.DeniedKey:
		return errors.New("can't access at least one of the keys mentioned in the command arguments")
	case acl.DeniedChannel:
		return errors.New("can't publish to the channel mentioned in the command")
	default:
		return errors.New("can't run this command or subcommand")
	}
}

// ScriptBegins shows a request that runs a script to monitors, before the commands of the script are shown.
func ScriptBegins(client *command.Client, argv [][]byte) {
	if c, ok := client.Session.(*conn); ok && c.srv.monitors.any() {
		c.seen = appendSeen(c.seen, c.srv.cfg.Now(), c.addr, argv)
	}
}

// ScriptCalled accounts for a command that a script has executed, as for a client's, and shows it to monitors.
func ScriptCalled(client *command.Client, row *command.Spec, argv [][]byte, took time.Duration, failed bool) {
	c, ok := client.Session.(*conn)
	if !ok {
		return
	}
	c.scriptRead = c.scriptRead || row.Is(command.ReadOnly)
	c.srv.stats.called(row)
	c.srv.stats.finished(row, took, failed)
	now := c.srv.cfg.Now()
	if slower := *c.srv.settings.Load().SlowerThan; slower >= 0 && took >= slower && !row.Is(command.SkipSlowlog) {
		c.srv.slow.add(c, argv, now, took)
	}
	if c.srv.monitors.any() && !row.Any(command.SkipMonitor|command.Admin) {
		c.seen = appendSeen(c.seen, now, "lua", argv)
	}
}
