package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/dgraph-io/badger/v4"
)

// Tx is a transaction. It may not be used after the function that it was given to has returned, nor by several goroutines.
type Tx struct {
	txn   *badger.Txn
	wrote bool
}

// Table is a set of records of one type, by keys of one or more parts; records are ordered by their keys' parts.
type Table[T any] struct{ name string }

// NewTable is the table of that name, which says what its records are: the name stays, whatever the type is called.
func NewTable[T any](name string) Table[T] { return Table[T]{name: name} }

// separator ends each part of a key. Parts that contain it, which no name of ours does, are not found and can't be written.
const separator = "\x00"

func (t Table[T]) key(parts []string) ([]byte, bool) {
	for _, p := range parts {
		if strings.Contains(p, separator) {
			return nil, false
		}
	}
	return []byte(t.name + separator + strings.Join(parts, separator) + separator), true
}

// Get reads a record; ok is false when there is none.
func (t Table[T]) Get(tx *Tx, key ...string) (rec T, ok bool, err error) {
	k, valid := t.key(key)
	if !valid {
		return rec, false, nil
	}
	item, err := tx.txn.Get(k)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return rec, false, nil
	}
	if err == nil {
		err = item.Value(func(data []byte) error { return json.Unmarshal(data, &rec) })
	}
	if err != nil {
		return rec, false, fmt.Errorf("read %s %q: %w", t.name, key, err)
	}
	return rec, true, nil
}

// Put writes a record.
func (t Table[T]) Put(tx *Tx, rec T, key ...string) error {
	k, valid := t.key(key)
	if !valid {
		return fmt.Errorf("write %s %q: the key contains a nul", t.name, key)
	}
	data, err := encode(rec)
	if err == nil {
		err = tx.txn.Set(k, data)
	}
	if err != nil {
		return fmt.Errorf("write %s %q: %w", t.name, key, err)
	}
	tx.wrote = true
	return nil
}

// Delete removes a record, if there is one.
func (t Table[T]) Delete(tx *Tx, key ...string) error {
	k, valid := t.key(key)
	if !valid {
		return nil
	}
	if err := tx.txn.Delete(k); err != nil {
		return fmt.Errorf("delete %s %q: %w", t.name, key, err)
	}
	tx.wrote = true
	return nil
}

// Range yields the records whose keys begin with the parts of prefix, in the order of their keys. It ends with the first error, which it yields. Records may not be written while it runs:
// use All for that.
func (t Table[T]) Range(tx *Tx, prefix ...string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		p := []byte(t.name + separator)
		if len(prefix) > 0 {
			k, valid := t.key(prefix)
			if !valid {
				return
			}
			p = k
		}
		opts := badger.DefaultIteratorOptions
		opts.Prefix = p
		it := tx.txn.NewIterator(opts)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			var rec T
			if err := it.Item().Value(func(data []byte) error { return json.Unmarshal(data, &rec) }); err != nil {
				yield(none, fmt.Errorf("read %s %q: %w", t.name, it.Item().Key(), err))
				return
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// All are the records that Range yields.
func (t Table[T]) All(tx *Tx, prefix ...string) ([]T, error) {
	var all []T
	for rec, err := range t.Range(tx, prefix...) {
		if err != nil {
			return nil, err
		}
		all = append(all, rec)
	}
	return all, nil
}
