package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/openmemorydb/memorydb/engine/enginetest/generate"
)

// reply is a decoded reply.
type reply struct {
	kind  byte   // first byte on the wire
	text  string // of a reply that holds no others; the length of a null
	null  bool
	items []reply // of a map keys and values by turns
}

func read(r *bufio.Reader) (reply, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return reply{}, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return reply{}, fmt.Errorf("malformed reply %q", line)
	}
	v := reply{kind: line[0], text: line[1 : len(line)-2]}
	if strings.IndexByte("$!=*~%>", v.kind) < 0 {
		return v, nil
	}
	n, err := strconv.Atoi(v.text)
	if err != nil || n < -1 {
		return v, fmt.Errorf("malformed length in %q", line)
	}
	if v.null = n < 0; v.null {
		return v, nil
	}
	v.text = ""
	switch v.kind {
	case '$', '!', '=':
		b := make([]byte, n+2)
		if _, err := io.ReadFull(r, b); err != nil {
			return v, err
		}
		v.text = string(b[:n])
		return v, nil
	case '%':
		n *= 2
	}
	for range n {
		item, err := read(r)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, item)
	}
	return v, nil
}

// String shows the reply on one line; equal replies, and only those, look the same.
func (v reply) String() string {
	switch {
	case v.null:
		return string(rune(v.kind)) + "nil"
	case strings.IndexByte("*~%>", v.kind) >= 0:
		var items []string
		for _, item := range v.items {
			items = append(items, item.String())
		}
		return string(rune(v.kind)) + "[" + strings.Join(items, " ") + "]"
	}
	return string(rune(v.kind)) + strconv.Quote(v.text)
}

// sort orders the items in groups of so many, and drops groups that are there twice if unique.
func (v *reply) sort(group int, unique bool) {
	if v.kind == '%' {
		group = 2
	}
	if len(v.items) == 0 {
		return
	}
	var groups [][]reply
	for g := range slices.Chunk(v.items, group) {
		groups = append(groups, g)
	}
	text := func(g []reply) string { return reply{kind: '*', items: g}.String() }
	slices.SortStableFunc(groups, func(a, b []reply) int { return strings.Compare(text(a), text(b)) })
	if unique {
		groups = slices.CompactFunc(groups, func(a, b []reply) bool { return text(a) == text(b) })
	}
	v.items = slices.Concat(groups...)
}

// sortMaps takes away the order that a table of Lua gives to a map, which is each interpreter's own, flat says that
// arrays may be such maps, as RESP2 shows them.
func (v *reply) sortMaps(flat bool) {
	for i := range v.items {
		v.items[i].sortMaps(flat)
	}
	if v.kind == '%' || v.kind == '~' || flat && v.kind == '*' {
		v.sort(1, false)
	}
}

// blank leaves the shape only.
func (v *reply) blank() {
	if !v.null && v.kind != '-' {
		v.text = ""
	}
	for i := range v.items {
		v.items[i].blank()
	}
}

// timely are commands whose replies move with the clock, with the greatest difference: what two servers that are asked one after the other may disagree by.
var timely = map[string]int64{"ttl": 5, "pttl": 5000, "expiretime": 5, "pexpiretime": 5000}

// normalise makes replies comparable where Redis promises no order, or where chance decides.
func (v *reply) normalise(words []string) {
	if slices.Contains(generate.Scripts, words[min(1, len(words)-1)]) && len(words) > 3 {
		if strings.Contains(words[1], "setresp(3)") {
			v.sortMaps(slices.Contains([]string{"lcs", "xinfo", "xread", "xreadgroup"}, strings.ToLower(words[3])))
		}
		words = words[3:] // the command that the script calls
	}
	name := strings.ToLower(words[0])
	switch name {
	case "keys", "hkeys", "hvals", "smembers", "sinter", "sunion", "sdiff":
		v.sort(1, false)
	case "hgetall":
		v.sort(2, false)
	case "hrandfield", "srandmember", "zrandmember", "spop":
		v.blank()
	case "dump":
		if v.kind == '$' && len(v.text) > 0 && (v.text[0] == 2 || v.text[0] == 4) { // a hash table has the order of each server's own
			v.text = v.text[:1] + strconv.Itoa(len(v.text))
		}
	case "sort", "sort_ro":
		v.unsort(words)
	case "xpending":
		for i := range v.items {
			if idle := v.items[i].items; len(idle) == 4 {
				idle[2].text = "" // since the last delivery
			}
		}
	case "xinfo":
		v.forgetTimes()
	case "object":
		if len(words) > 1 && strings.EqualFold(words[1], "refcount") { // depends on how Redis came to the value
			v.blank()
		}
	case "cluster":
		if len(words) > 1 && strings.EqualFold(words[1], "getkeysinslot") {
			v.blank()
		}
	}
}

// forgetTimes takes away what XINFO tells of when consumers were seen and entries delivered.
func (v *reply) forgetTimes() {
	for i := range v.items {
		item := &v.items[i]
		if n, err := strconv.ParseInt(item.text, 10, 64); err == nil && n > 1e11 && item.kind == ':' || i > 0 && v.items[i-1].text == "idle" {
			item.text = ""
		}
		item.forgetTimes()
	}
}

// unsort takes the order away from a reply of SORT if it is not the same for all: of a set with BY a constant, and of texts that C takes for equal since they differ behind a
// zero byte only. With LIMIT each server may answer others of them.
func (v *reply) unsort(words []string) {
	var by, limit, zero bool
	for _, w := range words[1:] {
		by = by || strings.EqualFold(w, "by")
		limit = limit || strings.EqualFold(w, "limit")
	}
	for _, item := range v.items {
		zero = zero || strings.Contains(item.text, "\x00")
	}
	switch {
	case by && limit:
		v.blank()
	case by || zero && !limit:
		v.sort(1, false)
	}
}

// same says whether normalised replies are equal, but for what the clock changes.
func same(words []string, a, b reply) bool {
	if a.String() == b.String() {
		return true
	}
	by := timely[strings.ToLower(words[0])]
	if by == 0 || a.kind != ':' || b.kind != ':' {
		return false
	}
	x, err1 := strconv.ParseInt(a.text, 10, 64)
	y, err2 := strconv.ParseInt(b.text, 10, 64)
	return err1 == nil && err2 == nil && x > 0 && y > 0 && max(x-y, y-x) <= by
}
