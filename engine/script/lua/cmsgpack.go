package lua

import (
	"encoding/binary"
	"math"

	glua "github.com/yuin/gopher-lua"
)

// openMsgpack registers cmsgpack: values as MessagePack.
func (s *State) openMsgpack() {
	t := s.NewTable()
	s.register(t, map[string]glua.LGFunction{"pack": s.msgPack, "unpack": s.msgUnpack, "unpack_one": s.msgUnpackOne, "unpack_limit": s.msgUnpackLimit})
	for name, word := range map[string]string{
		"_NAME": "cmsgpack", "_VERSION": "lua-cmsgpack 0.4.0", "_COPYRIGHT": "Copyright (C) 2012, Salvatore Sanfilippo",
		"_DESCRIPTION": "MessagePack C implementation for Lua",
	} {
		t.RawSetString(name, glua.LString(word))
	}
	s.globals.RawSetString("cmsgpack", t)
}

// maxPackDepth is how deep tables are packed: what is deeper is packed as nil.
const maxPackDepth = 16

func (s *State) msgPack(l *glua.LState) int {
	n := l.GetTop()
	if n == 0 {
		argError(l, 0, "MessagePack pack needs input.")
	}
	p := packer{s: s, l: l}
	for i := 1; i <= n; i++ {
		p.value(l.Get(i), 0)
	}
	l.Push(glua.LString(p.b))
	return 1
}

type packer struct {
	s *State
	l *glua.LState
	b []byte
}

func (p *packer) value(v glua.LValue, depth int) {
	p.s.Guard.work(p.l, 1)
	switch v := v.(type) {
	case glua.LString:
		p.s.Guard.take(p.l, len(p.b)+len(v))
		p.text(string(v))
	case glua.LBool:
		if v {
			p.b = append(p.b, 0xc3)
		} else {
			p.b = append(p.b, 0xc2)
		}
	case glua.LNumber:
		p.number(float64(v))
	case *glua.LTable:
		if depth == maxPackDepth {
			p.b = append(p.b, 0xc0)
			return
		}
		p.table(p.s.real(v), depth)
	default:
		p.b = append(p.b, 0xc0)
	}
}

func (p *packer) text(word string) {
	switch n := len(word); {
	case n < 32:
		p.b = append(p.b, 0xa0|byte(n))
	case n <= math.MaxUint8:
		p.b = append(p.b, 0xd9, byte(n))
	default:
		p.length(n, 0xda)
	}
	p.b = append(p.b, word...)
}

// length appends a length behind the tag for 16 bits, or behind the next tag for 32.
func (p *packer) length(n int, tag byte) {
	if n <= math.MaxUint16 {
		p.b = binary.BigEndian.AppendUint16(append(p.b, tag), uint16(n))
		return
	}
	p.b = binary.BigEndian.AppendUint32(append(p.b, tag+1), uint32(n))
}

func (p *packer) number(f float64) {
	if n := toInt64(f); float64(n) == f && !math.IsInf(f, 0) {
		p.integer(n)
		return
	}
	if f == float64(float32(f)) {
		p.b = binary.BigEndian.AppendUint32(append(p.b, 0xca), math.Float32bits(float32(f)))
		return
	}
	p.b = binary.BigEndian.AppendUint64(append(p.b, 0xcb), math.Float64bits(f))
}

func (p *packer) integer(n int64) {
	order := binary.BigEndian
	switch {
	case n >= -32 && n <= math.MaxInt8:
		p.b = append(p.b, byte(n))
	case n >= 0 && n <= math.MaxUint8:
		p.b = append(p.b, 0xcc, byte(n))
	case n >= 0 && n <= math.MaxUint16:
		p.b = order.AppendUint16(append(p.b, 0xcd), uint16(n))
	case n >= 0 && n <= math.MaxUint32:
		p.b = order.AppendUint32(append(p.b, 0xce), uint32(n))
	case n >= 0:
		p.b = order.AppendUint64(append(p.b, 0xcf), uint64(n))
	case n >= math.MinInt8:
		p.b = append(p.b, 0xd0, byte(n))
	case n >= math.MinInt16:
		p.b = order.AppendUint16(append(p.b, 0xd1), uint16(n))
	case n >= math.MinInt32:
		p.b = order.AppendUint32(append(p.b, 0xd2), uint32(n))
	default:
		p.b = order.AppendUint64(append(p.b, 0xd3), uint64(n))
	}
}

// table packs a table whose keys are 1 to n as an array, and any other as a map.
func (p *packer) table(t *glua.LTable, depth int) {
	count, most, array := 0, 0.0, true
	for key, _ := t.Next(glua.LNil); key != glua.LNil; key, _ = t.Next(key) {
		count++
		n, ok := key.(glua.LNumber)
		if f := float64(n); !ok || f <= 0 || f > math.MaxInt32 || f != math.Trunc(f) {
			array = false
		}
		most = max(most, float64(n))
		p.s.Guard.work(p.l, 1)
	}
	array = array && most == float64(count)
	switch {
	case array && count <= 15:
		p.b = append(p.b, 0x90|byte(count))
	case array:
		p.length(count, 0xdc)
	case count <= 15:
		p.b = append(p.b, 0x80|byte(count))
	default:
		p.length(count, 0xde)
	}
	if array {
		for i := 1; i <= count; i++ {
			p.value(t.RawGetInt(i), depth+1)
		}
		return
	}
	for key, v := t.Next(glua.LNil); key != glua.LNil; key, v = t.Next(key) {
		p.value(key, depth+1)
		p.value(v, depth+1)
	}
}

func (s *State) msgUnpack(l *glua.LState) int { return s.unpackFull(l, 0, 0) }

func (s *State) msgUnpackOne(l *glua.LState) int { return s.unpackFull(l, 1, optInt(l, 2, 0)) }

func (s *State) msgUnpackLimit(l *glua.LState) int {
	limit := checkInt(l, 2)
	return s.unpackFull(l, limit, optInt(l, 3, 0))
}

// unpackFull pushes the values of a text: with a limit or an offset, so many from there, and before them the offset behind them, -1 at the end of the text.
func (s *State) unpackFull(l *glua.LState, limit, offset int) int {
	data := checkString(l, 1)
	if offset < 0 || limit < 0 {
		fail(l, "Invalid request to unpack with offset of %d and limit of %d.", int32(offset), int32(len(data))) // Redis tells the length there
	}
	if offset > len(data) {
		fail(l, "Start offset %d greater than input length %d.", int32(offset), int32(len(data)))
	}
	all := limit == 0 && offset == 0
	u := unpacker{s: s, l: l, b: data[offset:]}
	var values []glua.LValue
	for u.b != "" && (all || len(values) < limit) {
		values = append(values, u.value(1+len(values)))
	}
	count := len(values)
	if !all {
		count++
		next := len(data) - len(u.b)
		if u.b == "" {
			next = -1
		}
		l.Push(glua.LNumber(next))
	}
	for _, v := range values {
		l.Push(v)
	}
	return count
}

type unpacker struct {
	s *State
	l *glua.LState
	b string
}

// take is the next n bytes.
func (u *unpacker) take(n int) string {
	if len(u.b) < n {
		fail(u.l, "Missing bytes in input.")
	}
	word := u.b[:n]
	u.b = u.b[n:]
	return word
}

// uint is the next number of n bytes.
func (u *unpacker) uint(n int) uint64 {
	var v uint64
	for _, c := range []byte(u.take(n)) {
		v = v<<8 | uint64(c)
	}
	return v
}

// room checks that PUC Lua's stack would have room for one more value: that bounds how deep values may be nested.
func (u *unpacker) room(used int, what string) {
	if used+1 > maxUnpack {
		fail(u.l, "stack overflow (%s)", what)
	}
}

// value is the next value; used is how much of PUC Lua's stack would be in use.
func (u *unpacker) value(used int) glua.LValue {
	u.s.Guard.work(u.l, 1)
	tag := u.uint(1)
	u.room(used, "too many return values at once; use unpack_one or unpack_limit instead.")
	switch tag {
	case 0xc0:
		return glua.LNil
	case 0xc2, 0xc3:
		return glua.LBool(tag == 0xc3)
	case 0xca:
		return glua.LNumber(math.Float32frombits(uint32(u.uint(4))))
	case 0xcb:
		return glua.LNumber(math.Float64frombits(u.uint(8)))
	case 0xcc, 0xcd, 0xce, 0xcf: // 64 bits are taken for signed, as Redis does
		return glua.LNumber(int64(u.uint(1 << (tag - 0xcc))))
	case 0xd0:
		return glua.LNumber(int8(u.uint(1)))
	case 0xd1:
		return glua.LNumber(int16(u.uint(2)))
	case 0xd2:
		return glua.LNumber(int32(u.uint(4)))
	case 0xd3:
		return glua.LNumber(int64(u.uint(8)))
	case 0xd9, 0xda, 0xdb:
		return glua.LString(u.take(int(u.uint(1 << (tag - 0xd9)))))
	case 0xdc, 0xdd:
		return u.array(int(u.uint(2<<(tag-0xdc))), used)
	case 0xde, 0xdf:
		return u.table(int(u.uint(2<<(tag-0xde))), used)
	}
	switch {
	case tag < 0x80 || tag >= 0xe0:
		return glua.LNumber(int8(tag))
	case tag&0xe0 == 0xa0:
		return glua.LString(u.take(int(tag & 0x1f)))
	case tag&0xf0 == 0x90:
		return u.array(int(tag&0xf), used)
	case tag&0xf0 == 0x80:
		return u.table(int(tag&0xf), used)
	}
	fail(u.l, "Bad data format in input.")
	return nil
}

func (u *unpacker) array(n, used int) glua.LValue {
	u.room(used+1, "in function mp_decode_to_lua_array")
	t := u.l.NewTable()
	for i := 1; i <= n; i++ {
		t.RawSetInt(i, u.value(used+2))
	}
	return t
}

func (u *unpacker) table(n, used int) glua.LValue {
	t := u.l.NewTable()
	for range n {
		key := u.value(used + 1)
		v := u.value(used + 2)
		if f, ok := key.(glua.LNumber); key == glua.LNil || ok && f != f {
			u.l.Error(glua.LString("table index is "+map[bool]string{false: "nil", true: "NaN"}[ok]), 0)
		}
		u.s.setRaw(u.l, t, key, v)
	}
	return t
}
