package shard

import (
	"errors"

	"github.com/openmemorydb/memorydb/engine/resp"
)

// ErrNotEmpty is returned by Fill for a shard that has keys, or that is being filled already.
var ErrNotEmpty = errors.New("the shard has keys")

// Fill keeps clients away from an empty primary, with LOADING, until Filled: a restore has it for itself, in turns that Begin takes. Calls that wait for keys end as on a node
// that loses its shard. Errors: ErrNotPrimary, ErrNotEmpty; nothing has changed then.
func (s *Shard) Fill() error {
	defer s.Begin().End()
	switch {
	case s.Role() != Primary || s.failed != nil:
		return ErrNotPrimary
	case s.db.Len() > 0 || s.filling.Load():
		return ErrNotEmpty
	}
	s.filling.Store(true)
	s.unblock()
	return nil
}

// Filled lets clients in again.
func (s *Shard) Filled() { s.filling.Store(false) }

// filled is nil unless the shard is being filled; else the clients' error reply.
func (s *Shard) filled() error {
	if s.filling.Load() {
		return resp.ErrLoading
	}
	return nil
}
