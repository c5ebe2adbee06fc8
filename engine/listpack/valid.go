package listpack

import (
	"encoding/binary"
	"fmt"
)

// Valid checks a pack of foreign origin wholly: afterwards every function of the package may be used on it. It returns the number of its elements. The error names the offset.
func Valid(p []byte) (n int, err error) {
	if len(p) < EmptySize || Size(p) != len(p) {
		return 0, fmt.Errorf("listpack: the header tells of another size than %d bytes", len(p))
	}
	last := len(p) - 1
	if p[last] != end {
		return 0, fmt.Errorf("listpack: no end mark at offset %d", last)
	}
	for at := HeaderSize; at < last; n++ {
		next, err := checkElem(p, at, last)
		if err != nil {
			return 0, err
		}
		at = next
	}
	if count := int(binary.LittleEndian.Uint16(p[4:])); count != manyElements && count != n {
		return 0, fmt.Errorf("listpack: %d elements, the header tells of %d", n, count)
	}
	return n, nil
}

// checkElem checks the element at at, which must end before last, and returns the position behind it.
func checkElem(p []byte, at, last int) (int, error) {
	c := p[at]
	head := 1
	switch {
	case c >= 0xc0 && c < 0xf0:
		head = 2
	case c == str32:
		head = 5
	case c > int64s:
		return 0, fmt.Errorf("listpack: unknown encoding %#x at offset %d", c, at)
	}
	if at+head > last {
		return 0, fmt.Errorf("listpack: element at offset %d is cut off", at)
	}
	n := body(p, at)
	back := backSize(n)
	if n > last-at || back > last-at-n {
		return 0, fmt.Errorf("listpack: element at offset %d is cut off", at)
	}
	var room [5]byte
	if string(appendBack(room[:0], n)) != string(p[at+n:at+n+back]) {
		return 0, fmt.Errorf("listpack: element at offset %d has a wrong length behind it", at)
	}
	return at + n + back, nil
}
