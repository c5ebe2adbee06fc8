package rdb

import (
	"encoding/binary"
	"errors"
)

// DumpFunctions is what FUNCTION DUMP answers: the code of all libraries, the version and a checksum.
func DumpFunctions(codes []string) []byte {
	e := new(Encoder)
	for _, code := range codes {
		e.byte(opFunction2)
		e.string([]byte(code))
	}
	e.buf = binary.LittleEndian.AppendUint16(e.buf, Version)
	return binary.LittleEndian.AppendUint64(e.buf, checksum(0, e.buf))
}

// Texts of what is wrong with FUNCTION RESTORE's payload, besides ErrPayload, in Redis's words.
var (
	ErrNoFunction  = errors.New("given type is not a function")
	ErrBadFunction = errors.New("failed loading the given functions payload")
)

// RestoreFunctions reads the code of the libraries in a payload of DumpFunctions or FUNCTION DUMP. Errors: ErrPayload, ErrNoFunction, ErrBadFunction.
func RestoreFunctions(payload []byte) ([]string, error) {
	if !verify(payload) {
		return nil, ErrPayload
	}
	var codes []string
	d := newMemoryDecoder(payload[:len(payload)-footerSize])
	for d.Left() > 0 {
		if op, err := d.byte(); err != nil || op != opFunction2 {
			return nil, ErrNoFunction
		}
		code, err := d.string()
		if err != nil {
			return nil, ErrBadFunction
		}
		codes = append(codes, string(code))
	}
	return codes, nil
}
