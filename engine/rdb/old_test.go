package rdb_test

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"testing"
)

// ziplist is a ziplist as Redis before 7.0 wrote it. Texts of integers are integers.
func ziplist(texts ...string) string {
	entries, before, tail := "", 0, 10
	for _, s := range texts {
		entry := string([]byte{byte(before)})
		if before >= 254 {
			entry = "\xfe" + string(binary.LittleEndian.AppendUint32(nil, uint32(before)))
		}
		entry += ziplistText(s)
		tail = 10 + len(entries)
		entries += entry
		before = len(entry)
	}
	h := binary.LittleEndian.AppendUint32(nil, uint32(10+len(entries)+1))
	h = binary.LittleEndian.AppendUint32(h, uint32(tail))
	h = binary.LittleEndian.AppendUint16(h, uint16(len(texts)))
	return string(h) + entries + "\xff"
}

func ziplistText(s string) string {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && strconv.FormatInt(n, 10) == s {
		b := binary.LittleEndian.AppendUint64(nil, uint64(n))
		switch {
		case n >= 0 && n <= 12:
			return string([]byte{0xf1 + byte(n)})
		case n >= math.MinInt8 && n <= math.MaxInt8:
			return "\xfe" + string(b[:1])
		case n >= math.MinInt16 && n <= math.MaxInt16:
			return "\xc0" + string(b[:2])
		case n >= -1<<23 && n < 1<<23:
			return "\xf0" + string(b[:3])
		case n >= math.MinInt32 && n <= math.MaxInt32:
			return "\xd0" + string(b[:4])
		}
		return "\xe0" + string(b)
	}
	switch {
	case len(s) < 64:
		return string([]byte{byte(len(s))}) + s
	case len(s) < 16384:
		return string([]byte{0x40 | byte(len(s)>>8), byte(len(s))}) + s
	}
	return "\x80" + string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s
}

func zipmap(unused int, pairs ...string) string {
	size := func(n int) string {
		if n < 254 {
			return string([]byte{byte(n)})
		}
		return "\xfe" + string(binary.LittleEndian.AppendUint32(nil, uint32(n)))
	}
	s := string([]byte{byte(min(len(pairs)/2, 254))})
	for i := 0; i < len(pairs); i += 2 {
		s += size(len(pairs[i])) + pairs[i] + size(len(pairs[i+1])) + string([]byte{byte(unused)}) + pairs[i+1] + strings.Repeat("\xff", unused)
	}
	return s + "\xff"
}

// blob is a string with its length.
func blob(s string) string {
	return "\x80" + string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s
}

// streamNodes is the nodes of a stream of one entry, 1000-1, without what follows them.
func streamNodes(t testing.TB) string {
	t.Helper()
	one := string(recorded(t)["stream of one"])
	one, ok := strings.CutSuffix(one[:len(one)-10], "\x01\x43\xe8\x01\x43\xe8\x01\x00\x00\x01\x00")
	if !ok {
		t.Fatal("the recorded stream of one entry is another one")
	}
	return one[1:]
}

func oldValues(t testing.TB) []struct{ name, value, read string } {
	mixed := []string{"a", "0", "12", "13", "-1", "127", "-129", "40000", "-8388608", "8388608", "-2147483649", "9223372036854775807", "007", "", strings.Repeat("x", 63), strings.Repeat("y", 300), "b", strings.Repeat("z", 17000), "c", "1.5"}
	var many []string
	for i := range 700 {
		many = append(many, "f"+strconv.Itoa(i), strconv.Itoa(i*i))
	}
	var scored []string
	for i := range 200 {
		scored = append(scored, "m"+strconv.Itoa(i), strconv.Itoa(i))
	}
	nodes := "\x0f" + streamNodes(t)
	return []struct{ name, value, read string }{
		{"hash as zipmap", "\x09" + blob(zipmap(0, "a", "1", "b", strings.Repeat("v", 30), "", "")), "hgetall k"},
		{"hash as zipmap with unused bytes", "\x09" + blob(zipmap(3, "a", "1", "b", strings.Repeat("v", 40))), "hgetall k"},
		{"hash as zipmap with a long value", "\x09" + blob(zipmap(0, "a", strings.Repeat("v", 300))), "hgetall k"},
		{"hash as ziplist", "\x0d" + blob(ziplist(mixed...)), "hgetall k"},
		{"hash as a long ziplist", "\x0d" + blob(ziplist(many...)), "hlen k"},
		{"hash as ziplist of odd length", "\x0d" + blob(ziplist("a", "1", "b")), "hgetall k"},
		{"hash as ziplist with a field twice", "\x0d" + blob(ziplist("a", "1", "a", "2")), "hgetall k"},
		{"hash as an empty ziplist", "\x0d" + blob(ziplist()), "hgetall k"},
		{"list of elements", "\x01\x03\x01a\xc0\x05\x00", "lrange k 0 -1"},
		{"list of no elements", "\x01\x00", "lrange k 0 -1"},
		{"list as ziplist", "\x0a" + blob(ziplist(mixed...)), "lrange k 0 -1"},
		{"list as a long ziplist", "\x0a" + blob(ziplist(many...)), "lrange k 0 -1"},
		{"list as an empty ziplist", "\x0a" + blob(ziplist()), "lrange k 0 -1"},
		{"list of ziplists", "\x0e\x02" + blob(ziplist("a", "1", "b")) + blob(ziplist(mixed...)), "lrange k 0 -1"},
		{"list of ziplists, one of them empty", "\x0e\x03" + blob(ziplist("a", "1", "b")) + blob(ziplist()) + blob(ziplist("c")), "lrange k 0 -1"},
		{"list of an empty ziplist", "\x0e\x01" + blob(ziplist()), "lrange k 0 -1"},
		{"list with a plain node", "\x12\x01\x01\x03abc", "lrange k 0 -1"},
		{"list with an empty plain node", "\x12\x01\x01\x00", "lrange k 0 -1"},
		{"list with a node of another form", "\x12\x01\x03\x03abc", "lrange k 0 -1"},
		{"sorted set as ziplist", "\x0c" + blob(ziplist("a", "1", "17", "1.5", "b", "2e+20", "c", "inf")), "zrange k 0 -1 withscores"},
		{"sorted set as a long ziplist", "\x0c" + blob(ziplist(scored...)), "zrange k 0 -1 withscores"},
		{"sorted set as ziplist with a long member", "\x0c" + blob(ziplist(strings.Repeat("m", 100), "1")), "zrange k 0 -1 withscores"},
		{"sorted set as ziplist of odd length", "\x0c" + blob(ziplist("a", "1", "b")), "zrange k 0 -1 withscores"},
		{"sorted set with text scores", "\x03\x04\x01a\x011\x01b\xfe\x01c\xff\x01d\x041e-3", "zrange k 0 -1 withscores"},
		{"sorted set with a score that is no number", "\x03\x01\x01a\xfd", "zrange k 0 -1 withscores"},
		{"sorted set with a binary score that is no number", "\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x7f", "zrange k 0 -1 withscores"},
		{"sorted set with a member twice", "\x05\x02\x01a\x00\x00\x00\x00\x00\x00\xf0\x3f\x01a\x00\x00\x00\x00\x00\x00\x00\x40", "zrange k 0 -1 withscores"},
		{"sorted set out of order", "\x0c" + blob(ziplist("b", "2", "a", "1")), ""},
		{"sorted set with a packed score that is none", "\x0c" + blob(ziplist("b", "x")), ""},
		{"stream of version 1", nodes + "\x01\x43\xe8\x01\x00", "xinfo stream k full"},
		{"stream of version 1 with a group", nodes + "\x01\x43\xe8\x01\x01\x01g\x43\xe8\x01\x00\x00", "xinfo stream k full"},
		{"stream of version 1 with a group far behind", nodes + "\x01\x43\xe8\x01\x01\x01g\x05\x01\x00\x00", "xinfo stream k full"},
		{"stream whose length is wrong", nodes + "\x02\x43\xe8\x01\x00", ""},
		{"stream whose last id is before its entry", nodes + "\x01\x05\x01\x00", ""},
	}
}

// Values in the forms of older versions are read as redis-server 7.0.15 reads them.
func TestOldFormsAsRedis(t *testing.T) {
	r := redis(t)
	for _, x := range oldValues(t) {
		e := newExecutor(t)
		r.Do("del", "k")
		p := string(payload([]byte(x.value)))
		ours, theirs := e.do(t, "restore", "k", "0", p), r.Do("restore", "k", "0", p)
		if x.read == "" { // which Redis does not check
			if text(ours) != "-ERR Bad data format" {
				t.Errorf("%s: RESTORE: %s", x.name, text(ours))
			}
			continue
		}
		if text(ours) != text(theirs) {
			t.Errorf("%s: RESTORE: %s, Redis %s", x.name, text(ours), text(theirs))
		}
		for _, words := range []string{x.read, "object encoding k"} {
			if a, b := text(e.do(t, strings.Fields(words)...)), text(r.Do(strings.Fields(words)...)); a != b {
				t.Errorf("%s: %s gives\n%s\nin Redis\n%s", x.name, words, short(a), short(b))
			}
		}
		if a, b := e.do(t, "dump", "k").Text, r.Do("dump", "k").Text; a != b && !strings.Contains(x.name, "long") {
			t.Errorf("%s: DUMP gives\n%q\nin Redis\n%q", x.name, short(a), short(b))
		}
	}
}
