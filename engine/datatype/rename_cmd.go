package datatype

import (
	"bytes"
	"fmt"
	"math"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var renameCommands = []command.Spec{
	{Name: "rename", Arity: 3, Flags: command.Write, Group: command.Generic, Categories: keyspaceCategory,
		Keys:  []command.KeySpec{{Begin: 1, Flags: command.RW | command.Access | command.Delete}, {Begin: 2, Flags: command.OW | command.Update}},
		Since: "1.0.0", Args: "key newkey", Complexity: "O(1)", Summary: "Gives a key another name, replacing what has it.", Run: rename},
	{Name: "renamenx", Arity: 3, Flags: command.Write | command.Fast, Group: command.Generic, Categories: keyspaceCategory,
		Keys:  []command.KeySpec{{Begin: 1, Flags: command.RW | command.Access | command.Delete}, {Begin: 2, Flags: command.OW | command.Insert}},
		Since: "1.0.0", Args: "key newkey", Complexity: "O(1)", Summary: "Gives a key another name that no key has.", Run: renamenx},
	{Name: "copy", Arity: -3, Flags: command.Write | command.DenyOOM, Group: command.Generic, Categories: keyspaceCategory,
		Keys:  []command.KeySpec{{Begin: 1, Flags: command.RO | command.Access}, {Begin: 2, Flags: command.OW | command.Update}},
		Since: "6.2.0", Args: "source destination [DB destination-db] [REPLACE]", Complexity: "O(N) where N is the number of elements of a collection",
		Summary: "Copies a value with its expiry to another key.", Run: copyKey},
}

func rename(c *command.Call) error { return renameTo(c, false) }

func renamenx(c *command.Call) error { return renameTo(c, true) }

func renameTo(c *command.Call, nx bool) error {
	from, to := c.Argv[1], c.Argv[2]
	if _, found := c.DB.LookupWrite(from); !found {
		return resp.ErrNoSuchKey
	}
	renamed := !bytes.Equal(from, to)
	if renamed {
		_, taken := c.DB.LookupWrite(to)
		renamed = !taken || !nx
	}
	if renamed {
		c.DB.Rename(from, to)
		added(c, to)
		c.Changed(from, 'g', "rename_from")
		c.Changed(to, 'g', "rename_to")
	}
	switch {
	case !nx:
		c.Reply.OK()
	case renamed:
		c.Reply.Int(1)
	default:
		c.Reply.Int(0)
	}
	return nil
}

const (
	errSameObject resp.Error = "ERR source and destination objects are the same"
	errDBIndex    resp.Error = "ERR DB index is out of range"
	errCopyDB     resp.Error = "ERR Copying to another database is not allowed in cluster mode"
)

// databases is the setting of that name, of which a cluster uses only database 0.
const databases = 16

// parseCopy reads COPY's options.
func parseCopy(a command.Args) (replace bool, err error) {
	db := int64(0)
	for a.More() {
		switch {
		case a.Flag("replace"):
			replace = true
		case a.FlagWith("db"):
			if db, err = a.Int(); err != nil {
				return false, err
			}
			if db < math.MinInt32 || db > math.MaxInt32 {
				return false, errBetween(math.MinInt32, math.MaxInt32)
			}
			if db < 0 || db >= databases {
				return false, errDBIndex
			}
		default:
			return false, resp.ErrSyntax
		}
	}
	if db != 0 {
		return false, errCopyDB
	}
	return replace, nil
}

func copyKey(c *command.Call) error {
	from, to := c.Argv[1], c.Argv[2]
	replace, err := parseCopy(c.Args(3))
	if err != nil {
		return err
	}
	if bytes.Equal(from, to) {
		return errSameObject
	}
	if _, found := c.DB.LookupRead(from); !found {
		c.Event('m', "keymiss", from)
		c.Reply.Int(0)
		return nil
	}
	if _, taken := c.DB.LookupWrite(to); taken && !replace {
		c.Reply.Int(0)
		return nil
	}
	v, _ := c.DB.Peek(from) // again: the lookup of to may have deleted it as expired
	if err := copyValue(c.DB, to, v); err != nil {
		return err
	}
	if at := c.DB.ExpireAt(from); at != 0 {
		c.DB.Expire(to, at)
	}
	added(c, to)
	c.Changed(to, 'g', "copy_to")
	c.Reply.Int(1)
	return nil
}

// Cloner is an Object that COPY can copy. All Objects but a keyspace.Dict, which is copied field by field, implement it.
type Cloner interface {
	// Clone is another Object with the same content in the same DB.
	Clone(db *keyspace.DB) keyspace.Object
}

// copyValue makes a copy of v the value of key.
func copyValue(db *keyspace.DB, key []byte, v keyspace.Value) error {
	switch o := v.Object.(type) {
	case nil:
		db.Set(key, v.Type, v.Encoding, v.Bytes, false)
	case *keyspace.Dict:
		clone := db.NewDict()
		o.Each(func(k, v []byte) bool {
			clone.Set(k, v)
			return true
		})
		db.SetObject(key, v.Type, v.Encoding, clone, false)
	case Cloner:
		db.SetObject(key, v.Type, v.Encoding, o.Clone(db), false)
	default:
		return fmt.Errorf("copy: a value of type %v can't be cloned", v.Type)
	}
	return nil
}
