package segment

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
)

func TestCRCOfNumber(t *testing.T) {
	for _, n := range []uint64{0, 1, 0x0123456789abcdef, ^uint64(0)} {
		b := binary.LittleEndian.AppendUint64(nil, n)
		if got, want := crcNumber(77, n), crc32.Update(77, castagnoli, b); got != want {
			t.Errorf("CRC of %x is %x, want %x", n, got, want)
		}
	}
}
