// Package txlog is the contract of a shard's transaction log: a total order of records, each acknowledged only when it
// is on disk in a majority of zones, with an append that names the position that it follows.
//
// The contract, which every backend keeps and txlog/logtest checks:
//
//   - Positions. Records of one shard's log are numbered 1, 2, 3, … without gaps. Pos 0 is before the first record.
//   - Conditional append (promise P4). Append(after, …) succeeds only if after is the position of the newest record that
//     the log has accepted, durable or not. Otherwise it changes nothing and returns ErrConflict. This is the fence: whoever
//     has not seen the tail can't write, and whoever was overtaken by another writer can't write again.
//   - Pipelining. Append assigns positions and returns at once, before anything is durable; the next Append may name the
//     position just returned. The caller waits with Wait. Whoever calls Append never blocks on a disk.
//   - Outcome. Wait(pos) returns nil only once pos is durable in a majority of zones. Any other result means that the outcome is unknown
//     (ErrUnknown, or ctx's error): the record may or may not turn out to be in the log after recovery, and must not be appended again blindly.
//   - Poison. When a record's outcome becomes unknown, so does that of every record after it, and every later Append returns an error, until the log has settled them or is
//     opened anew. A log that mends itself while it is open has made all of them durable before it takes an append again: as long as it is open, no position is given out twice.
//     One that is opened anew may have lost them, and then gives out their positions again; handles from before are dead.
//   - Progress. A record becomes durable whether or not anybody waits for it; that somebody waits makes it sooner.
//   - Order. A record is durable only if all records before it are. Read returns durable records only, in order, never with a gap.
//   - Checksum. Each record carries the running checksum of the log up to and including it (Chain), so that two nodes at the
//     same position can compare what they have applied, and a snapshot can be verified by rehearsal.
//   - Pulse (promise P5). A leader says that it lives by Renew, an entry of the order that is agreed on by a majority of zones but neither has a position nor touches a disk. Each
//     renewal, each Lead record and each opening of the log makes Pulse another number. A Lead entry may name the pulse that its writer has seen: if the leader has renewed since, it is
//     refused. So whoever has seen the same pulse for longer than a lease lasts, and then leads by that pulse, knows that the leader before has no lease any more.
//   - Trim. Trim(before) allows the log to forget records with Pos < before; Read of one of them returns ErrTrimmed.
//   - Ownership. Append does not retain the payload slices after it returns. Read's payloads belong to the caller.
//
// Sources: the SIGMOD 2024 paper on Amazon MemoryDB (conditional append, leadership as a log entry, running checksum).
package txlog

import (
	"context"
	"errors"
	"fmt"
)

// Pos is the position of a record in one shard's log; the first record has Pos 1.
type Pos uint64

// Kind says what a record is.
type Kind uint8

// The kinds of record.
const (
	// Data carries the effects of one command, transaction or script.
	Data Kind = 1
	// Lead is a leadership entry: its payload names the node that leads the shard from this position on (see Leadership).
	Lead Kind = 2
	// Resign is a leader's last entry: it has drained, answers nothing any more, and gives the lead to whoever takes it first. Its payload is as a Lead record's, and names the
	// successor that is meant, if any.
	Resign Kind = 3
)

// Record is one entry of a shard's log.
type Record struct {
	Pos Pos
	// Chain is the running checksum over all records up to and including this one (Chain.Next). Set by the log.
	Chain Chain
	// Kind says how to read Payload.
	Kind Kind
	// Epoch is the number of the leadership under which the record was written; a Lead record starts its own.
	Epoch uint64
	// Engine is the version of the record format that the writer spoke (promise P8): a reader that knows only older ones stops.
	Engine uint16
	// Payload is opaque to the log; at most MaxPayload bytes.
	Payload []byte
}

// MaxPayload is the largest payload of one record, in bytes.
const MaxPayload = 1 << 30

// Entry is what a writer appends: a record without what the log assigns.
type Entry struct {
	Kind    Kind
	Epoch   uint64
	Engine  uint16
	Payload []byte
	// Pulse is what Log.Pulse has to be for a Lead entry to be accepted; 0 asks for nothing. It is not stored.
	Pulse uint64
}

// Errors that a Log returns, to be compared with errors.Is.
var (
	// ErrConflict is returned by Append when after is not the newest position, or the pulse another one: the writer is fenced. By Renew, if another leader was accepted.
	ErrConflict = errors.New("another writer has appended to the log")
	// ErrUnknown is returned by Wait when the record's outcome can't be known, for example since a majority of zones failed.
	ErrUnknown = errors.New("outcome of the append is unknown")
	// ErrUnavailable is returned by Append when a majority of zones can't be written: nothing was appended.
	ErrUnavailable = errors.New("too few zones can be written")
	// ErrFull is returned by Append when disk space is below the watermark: nothing was appended.
	ErrFull = errors.New("disk space for the log is below the watermark")
	// ErrTooLarge is returned by Append for a payload of more than MaxPayload bytes.
	ErrTooLarge = errors.New("record too large for the log")
	// ErrTrimmed is returned by Read for positions that were trimmed.
	ErrTrimmed = errors.New("position was trimmed from the log")
	// ErrCorrupt is returned when records that were acknowledged can't be read from any zone.
	ErrCorrupt = errors.New("log is corrupt")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("log is closed")
)

// Log is one shard's log. All methods are safe for concurrent use.
type Log interface {
	// Append adds entries right after the position after, all or none, and returns the position of the last one at once, without waiting for
	// durability. Errors: ErrConflict, ErrUnavailable, ErrFull, ErrTooLarge, ErrClosed; after any error nothing was appended.
	// Append of no entries returns after if that is the newest position.
	Append(after Pos, entries ...Entry) (Pos, error)
	// Wait returns nil once pos is durable in a majority of zones. Errors: ErrUnknown, ErrClosed, ctx.Err().
	// A position beyond the newest accepted one waits until it is appended and durable (this is how a reader follows the log).
	Wait(ctx context.Context, pos Pos) error
	// Writable is what Append would say of the log's state right now: nil, ErrUnavailable, ErrFull or ErrClosed. Cheap (an atomic load): it is asked before each
	// write is executed, so that a write is refused before it has changed anything.
	Writable() error
	// Durable is the newest durable position. Cheap (an atomic load): it stands on the path of every read.
	Durable() Pos
	// Tail is the newest accepted position, durable or not. Cheap (an atomic load).
	Tail() Pos
	// Epoch is the epoch of the newest accepted Lead record, durable or not; 0 if there is none. Cheap (an atomic load): a primary whose own
	// epoch is smaller has been overtaken and must not answer.
	Epoch() uint64
	// Renew says that the leader of the epoch lives. It may wait for the zones, not for their disks. Errors: ErrConflict if epoch is not the newest, ErrUnavailable, ErrClosed,
	// ctx.Err(); after an error it may have counted all the same.
	Renew(ctx context.Context, epoch uint64) error
	// Pulse is a number other than 0 that changes with each renewal and each Lead record that is accepted. Cheap (an atomic load).
	Pulse() uint64
	// Read returns durable records from position from on, in order, at least one if from <= Durable(), and about maxBytes of payload at most
	// (one record may exceed it). It returns no records and no error when from is beyond Durable(). From 0 is from 1. Errors: ErrTrimmed, ErrCorrupt, ErrClosed, ctx.Err().
	Read(ctx context.Context, from Pos, maxBytes int) ([]Record, error)
	// First is the oldest position that Read can return; Durable()+1 if there is none.
	First() Pos
	// Trim lets the log forget records before the position, but none that is not yet durable. A log that is opened anew may show again what was trimmed shortly before it was closed.
	Trim(before Pos) error
	// Close releases what this handle holds and wakes its waiters with ErrClosed; the log itself stays. Durable, Tail and Epoch go on to answer.
	Close() error
}

// Chain is the running checksum of a log prefix.
type Chain uint64

// Next is the running checksum after one more record. It covers position, kind, epoch, engine and payload (the plain one, before compression and encryption).
func (c Chain) Next(pos Pos, e Entry) Chain { return chainNext(c, pos, e) }

// String formats p for logs.
func (p Pos) String() string { return fmt.Sprintf("%d", uint64(p)) }
