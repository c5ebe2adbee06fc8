package intset

import "fmt"

// Valid checks an intset of foreign origin wholly: afterwards every function of the package may be used on it. It may be empty.
func Valid(s []byte) error {
	if len(s) < HeaderSize {
		return fmt.Errorf("intset: %d bytes are no header", len(s))
	}
	width := Width(s)
	if width != 2 && width != 4 && width != 8 {
		return fmt.Errorf("intset: unknown width of %d bytes", width)
	}
	if size := len(s) - HeaderSize; size/width != Len(s) || size%width != 0 {
		return fmt.Errorf("intset: %d integers of %d bytes in %d bytes", Len(s), width, size)
	}
	for i := 1; i < Len(s); i++ {
		if At(s, i-1) >= At(s, i) {
			return fmt.Errorf("intset: integer %d is not greater than the one before it", i)
		}
	}
	return nil
}
