package txlog

import (
	"encoding/json"
	"fmt"
	"hash/crc64"
)

// Leadership is the payload of a Lead record.
type Leadership struct {
	// Node is the id of the node that leads the shard from this record on.
	Node string `json:"node"`
	// Version is the writer's program version, for logs and events.
	Version string `json:"version"`
}

// Encode is the payload of a Lead record that says l.
func (l Leadership) Encode() []byte {
	b, err := json.Marshal(l)
	if err != nil {
		panic("txlog: encode leadership: " + err.Error()) // two strings always encode
	}
	return b
}

// DecodeLeadership reads the payload of a Lead record.
func DecodeLeadership(payload []byte) (Leadership, error) {
	var l Leadership
	if err := json.Unmarshal(payload, &l); err != nil {
		return Leadership{}, fmt.Errorf("decode leadership record: %w", err)
	}
	return l, nil
}

// FirstPulse is the pulse of a log at its opening of that number, counted from 1: no opening before has had it or will come to it.
func FirstPulse(opening uint64) uint64 { return opening << 36 }

var chainTable = crc64.MakeTable(crc64.ECMA)

func chainNext(c Chain, pos Pos, e Entry) Chain {
	var head [27]byte
	put := func(at int, v uint64, n int) {
		for i := range n {
			head[at+i] = byte(v >> (8 * i))
		}
	}
	put(0, uint64(c), 8)
	put(8, uint64(pos), 8)
	head[16] = byte(e.Kind)
	put(17, e.Epoch, 8)
	put(25, uint64(e.Engine), 2)
	return Chain(crc64.Update(crc64.Update(0, chainTable, head[:]), chainTable, e.Payload))
}
