// Package slot says which of the cluster's 16384 hash slots a key is in.
//
// Source: Redis cluster specification, "Hash tags" and "Appendix A: CRC16 reference implementation" (CRC-16/XMODEM).
package slot

import "bytes"

// Count is the number of hash slots of a cluster.
const Count = 16384

var table = func() (t [256]uint16) {
	for i := range t {
		crc := uint16(i) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
		t[i] = crc
	}
	return t
}()

// CRC16 is the CRC-16/XMODEM of b.
func CRC16(b []byte) uint16 {
	var crc uint16
	for _, c := range b {
		crc = crc<<8 ^ table[byte(crc>>8)^c]
	}
	return crc
}

// Of is the slot of key, in [0, Count). Only the hash tag counts if the key has a non-empty one: the bytes between its first '{' and the next '}'.
func Of(key []byte) uint16 {
	if open := bytes.IndexByte(key, '{'); open >= 0 {
		if n := bytes.IndexByte(key[open+1:], '}'); n > 0 {
			key = key[open+1 : open+1+n]
		}
	}
	return CRC16(key) % Count
}
