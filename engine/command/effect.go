package command

import (
	"encoding/binary"
	"errors"
)

// ErrBadEffect is returned for the payload of a record that is not a list of commands.
var ErrBadEffect = errors.New("malformed effects in a log record")

// AppendEffect appends one command in the form in which records carry it: the number of words as uvarint, then each word's length as uvarint and its bytes.
func AppendEffect(b []byte, argv [][]byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(argv)))
	for _, a := range argv {
		b = binary.AppendUvarint(b, uint64(len(a)))
		b = append(b, a...)
	}
	return b
}

// DecodeEffects calls fn for each command of a record's payload, in order; the words point into payload. argv's room is reused: fn does not keep it.
func DecodeEffects(payload []byte, argv [][]byte, fn func(argv [][]byte) error) error {
	for len(payload) > 0 {
		count, n := binary.Uvarint(payload)
		if n <= 0 || count == 0 || count > uint64(len(payload)) {
			return ErrBadEffect
		}
		payload, argv = payload[n:], argv[:0]
		for range count {
			size, n := binary.Uvarint(payload)
			if n <= 0 || size > uint64(len(payload)-n) {
				return ErrBadEffect
			}
			argv = append(argv, payload[n:n+int(size)])
			payload = payload[n+int(size):]
		}
		if err := fn(argv); err != nil {
			return err
		}
	}
	return nil
}
