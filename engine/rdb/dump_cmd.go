package rdb

import (
	"errors"
	"math"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// Commands are the rows of DUMP and RESTORE.
func Commands() []command.Spec {
	return []command.Spec{
		{Name: "dump", Arity: 2, Flags: command.ReadOnly, Group: command.Generic, Categories: []string{"keyspace"}, Tips: []string{"nondeterministic_output"},
			Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.6.0", Args: "key", Complexity: "O(N) where N is the size of the value in bytes",
			Summary: "Returns the value of a key in the form that RESTORE takes.", Run: dump},
		{Name: "restore", Arity: -4, Flags: command.Write | command.DenyOOM, Group: command.Generic, Categories: []string{"keyspace", "dangerous"},
			Keys: command.KeyAt(1, command.OW|command.Update), Since: "2.6.0",
			Args:       "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
			Complexity: "O(N) where N is the size of the value in bytes, O(N*log(N)) for sorted sets",
			Summary:    "Makes a key of what DUMP returned.", Run: restore},
	}
}

const (
	errPayload  resp.Error = "ERR DUMP payload version or checksum are wrong"
	errFormat   resp.Error = "ERR Bad data format"
	errBusyKey  resp.Error = "BUSYKEY Target key name already exists."
	errTTL      resp.Error = "ERR Invalid TTL value, must be >= 0"
	errIdletime resp.Error = "ERR Invalid IDLETIME value, must be >= 0"
	errFreq     resp.Error = "ERR Invalid FREQ value, must be >= 0 and <= 255"
)

func dump(c *command.Call) error {
	key := c.Argv[1]
	v, found := c.DB.LookupRead(key)
	if !found {
		c.Event('m', "keymiss", key)
		c.Reply.Null()
		return nil
	}
	return Dump(v, c.Reply.Bulk)
}

// restoreOptions are the options of RESTORE; idle and freq are -1 if they are not given.
type restoreOptions struct {
	replace, absolute bool
	idle, freq        int64
}

func parseRestore(a command.Args) (o restoreOptions, err error) {
	o.idle, o.freq = -1, -1
	for a.More() {
		switch {
		case a.Flag("replace"):
			o.replace = true
		case a.Flag("absttl"):
			o.absolute = true
		case o.freq < 0 && a.FlagWith("idletime"):
			if o.idle, err = a.Int(); err != nil {
				return o, err
			}
			if o.idle < 0 {
				return o, errIdletime
			}
		case o.idle < 0 && a.FlagWith("freq"):
			if o.freq, err = a.Int(); err != nil {
				return o, err
			}
			if o.freq < 0 || o.freq > math.MaxUint8 {
				return o, errFreq
			}
		default:
			return o, resp.ErrSyntax
		}
	}
	return o, nil
}

func restore(c *command.Call) error {
	key := c.Argv[1]
	o, err := parseRestore(c.Args(4))
	if err != nil {
		return err
	}
	if !o.replace {
		if _, taken := c.DB.LookupWrite(key); taken {
			return errBusyKey
		}
	}
	at, err := command.ParseInt(c.Argv[2])
	if err != nil {
		return err
	}
	if at < 0 {
		return errTTL
	}
	v, err := Restore(c.Argv[3], c.DB)
	switch {
	case errors.Is(err, ErrPayload):
		return errPayload
	case errors.Is(err, ErrFormat):
		return errFormat
	case err != nil:
		return err
	}
	deleted := o.replace && c.DB.Delete(key)
	relative := at != 0 && !o.absolute
	if relative {
		at += c.Now // may wrap, to a time that has passed
	}
	// A time that has passed when the log is replayed had not when it was written.
	if at != 0 && at <= c.Now && c.DB.Expiry != keyspace.ExpireIgnore {
		if v.Object != nil {
			v.Object.Free()
		}
		if deleted {
			c.Changed(key, 'g', "del")
			c.Propagate([]byte("del"), key)
		}
		c.Reply.OK()
		return nil
	}
	datatype.StoreValue(c.DB, key, v)
	if at != 0 {
		c.DB.Expire(key, at)
	}
	if o.freq >= 0 {
		c.DB.SetFrequency(key, int(o.freq))
	}
	if o.idle >= 0 {
		c.DB.SetIdle(key, o.idle)
	}
	c.Event('n', "new", key)
	c.Changed(key, 'g', "restore")
	if relative {
		words := append(append([][]byte(nil), c.Argv...), []byte("ABSTTL"))
		words[2] = strconv.AppendInt(nil, at, 10)
		c.Propagate(words...)
	}
	c.Reply.OK()
	return nil
}
