package rdb

// newestKind is the newest kind that a server of Version reads.
const newestKind = kindStream2

// skip passes over a value of a kind, of which it checks no more than it must know to find its end.
func (d *Decoder) skip(k kind) error {
	switch k {
	case kindString, kindHashZipmap, kindListZiplist, kindSetIntset, kindZSetZiplist, kindHashZiplist, kindHashListpack, kindZSetListpack, kindSetListpack:
		return d.skipString()
	case kindList, kindSet, kindListQuicklist:
		return d.each(1, d.skipString)
	case kindHash:
		return d.each(2, func() error { return d.inOrder(d.skipString, d.skipString) })
	case kindZSet:
		return d.each(2, func() error { return d.inOrder(d.skipString, d.skipTextDouble) })
	case kindZSet2:
		return d.each(2, func() error { return d.inOrder(d.skipString, d.skip8) })
	case kindListQuicklist2:
		return d.each(2, func() error { return d.inOrder(d.skipLength, d.skipString) })
	case kindStream, kindStream2, kindStream3:
		return d.skipStream(k)
	}
	_, err := d.valueOf(k, nil) // it is of no kind that is read, and says why
	return err
}

// each calls fn for each of the elements whose number follows, and which take at least size bytes.
func (d *Decoder) each(size int64, fn func() error) error {
	n, err := d.count(size)
	for ; err == nil && n > 0; n-- {
		err = fn()
	}
	return err
}

// inOrder calls each function, up to the first error.
func (d *Decoder) inOrder(fns ...func() error) error {
	for _, fn := range fns {
		if err := fn(); err != nil {
			return err
		}
	}
	return nil
}

func (d *Decoder) skip8() error { return d.pass(8) }

func (d *Decoder) skipLength() error {
	_, err := d.length()
	return err
}

func (d *Decoder) skipLengths(n int) error {
	for range n {
		if err := d.skipLength(); err != nil {
			return err
		}
	}
	return nil
}

// skipString passes over a string.
func (d *Decoder) skipString() error {
	n, encoded, err := d.lengthOrEncoding()
	switch {
	case err != nil:
		return err
	case !encoded && n > maxString:
		return damaged("a string of %d bytes", n)
	case !encoded:
		return d.pass(int64(n))
	case n <= encInt32:
		return d.pass(1 << n)
	case n != encLZF:
		return damaged("unknown encoding of a string, %d", n)
	}
	if n, err = d.length(); err != nil {
		return err
	}
	if n > maxString {
		return damaged("a string of %d compressed bytes", n)
	}
	if err := d.skipLength(); err != nil {
		return err
	}
	return d.pass(int64(n))
}

// skipTextDouble passes over a floating-point number as text.
func (d *Decoder) skipTextDouble() error {
	n, err := d.byte()
	if err != nil || n >= 253 { // no number, or an infinity
		return err
	}
	return d.pass(int64(n))
}

func (d *Decoder) skipStream(k kind) error {
	if err := d.each(2, func() error { return d.inOrder(d.skipString, d.skipString) }); err != nil {
		return err
	}
	numbers := 3 // length and last id
	if k != kindStream {
		numbers = 8 // first id, greatest deleted one, how many were added
	}
	if err := d.skipLengths(numbers); err != nil {
		return err
	}
	return d.each(6, func() error { return d.skipGroup(k) })
}

func (d *Decoder) skipGroup(k kind) error {
	numbers := 2 // the last id
	if k != kindStream {
		numbers = 3 // how many entries were read
	}
	if err := d.skipString(); err != nil {
		return err
	}
	if err := d.skipLengths(numbers); err != nil {
		return err
	}
	err := d.each(streamIDSize+8+1, func() error {
		if err := d.pass(streamIDSize + 8); err != nil {
			return err
		}
		return d.skipLength()
	})
	if err != nil {
		return err
	}
	return d.each(10, func() error { return d.skipConsumer(k) })
}

func (d *Decoder) skipConsumer(k kind) error {
	if err := d.skipString(); err != nil {
		return err
	}
	clocks := int64(8) // when it was seen
	if k == kindStream3 {
		clocks = 16 // and when it was active
	}
	if err := d.pass(clocks); err != nil {
		return err
	}
	return d.each(streamIDSize, func() error { return d.pass(streamIDSize) })
}
