package snapshot

import (
	"errors"
	"fmt"
	"io"

	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/rdb"
)

// RedisVersion is what files say to be written by: redis-server of that version and newer ones load them.
const RedisVersion = "7.0.15"

// Write writes a keyspace with function libraries as an RDB file. Keys that have expired are left out, unless db says that expiry is not looked at (keyspace.ExpireIgnore).
func Write(out io.Writer, db *keyspace.DB, libraries []string) error {
	w := rdb.NewWriter(out)
	w.Aux("redis-ver", RedisVersion)
	for _, code := range libraries {
		w.Function([]byte(code))
	}
	if db.Len() > 0 {
		w.Database(0, db.Len(), db.Expires())
	}
	var err error
	db.Each(func(key []byte, v keyspace.Value, expireAt int64) bool {
		err = w.Entry(rdb.Entry{Key: key, Value: v, ExpireAt: expireAt, Idle: -1, Freq: -1})
		return err == nil
	})
	return errors.Join(err, w.Close())
}

// load reads an RDB file of size bytes into an empty keyspace.
func load(r io.Reader, size int64, db *keyspace.DB, libraries Libraries) error {
	return rdb.ReadFile(r, size, db, rdb.Handler{
		Function: func(code []byte) error { return libraries.LoadLibrary(db, string(code)) },
		Entry: func(database int, x rdb.Entry) error {
			if database != 0 {
				return fmt.Errorf("a key in database %d", database)
			}
			before := db.Len()
			datatype.StoreValue(db, x.Key, x.Value)
			if db.Len() == before {
				return fmt.Errorf("key %q is there twice", x.Key)
			}
			if x.ExpireAt != 0 {
				db.Expire(x.Key, x.ExpireAt)
			}
			return nil
		},
	})
}
