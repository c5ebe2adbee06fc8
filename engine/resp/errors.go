package resp

import "fmt"

// Error is an error reply, with its code word first ("ERR syntax error"). Texts are exactly Redis's.
type Error string

// Error is the text that goes to the client.
func (e Error) Error() string { return string(e) }

// Errorf makes an error reply.
func Errorf(format string, args ...any) Error { return Error(fmt.Sprintf(format, args...)) }

// Error replies that more than one package gives.
const (
	ErrSyntax       Error = "ERR syntax error"
	ErrWrongType    Error = "WRONGTYPE Operation against a key holding the wrong kind of value"
	ErrNotInteger   Error = "ERR value is not an integer or out of range"
	ErrNotFloat     Error = "ERR value is not a valid float"
	ErrOutOfRange   Error = "ERR value is out of range"
	ErrNoSuchKey    Error = "ERR no such key"
	ErrOOM          Error = "OOM command not allowed when used memory > 'maxmemory'."
	ErrReadOnly     Error = "READONLY You can't write against a read only replica."
	ErrLoading      Error = "LOADING Redis is loading the dataset in memory"
	ErrNoAuth       Error = "NOAUTH Authentication required."
	ErrExecAbort    Error = "EXECABORT Transaction discarded because of previous errors."
	ErrCrossSlot    Error = "CROSSSLOT Keys in request don't hash to the same slot"
	ErrSlotUnserved Error = "CLUSTERDOWN Hash slot not served"
	ErrTooBig       Error = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	// ErrInternal stands for a fault of ours; its cause is in the node's log.
	ErrInternal Error = "ERR internal error"
	// ErrLogDown refuses writes while too few zones of the transaction log can be written; nothing was changed.
	ErrLogDown Error = "CLUSTERDOWN The cluster is down: the transaction log can't be written in a majority of zones"
	// ErrNoLease refuses everything about keys while a primary can't renew its leadership in the log: it may not know what is true.
	ErrNoLease Error = "CLUSTERDOWN The cluster is down: the node can't renew its leadership in a majority of zones"
	// ErrLogFull refuses writes while disk space for the transaction log is below the watermark; nothing was changed.
	ErrLogFull Error = "MISCONF Disk space for the transaction log is below the watermark, writes are refused until space is freed"
)
