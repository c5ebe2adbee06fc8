package enginetest

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Reply is one reply of RESP2 or RESP3, decoded.
type Reply struct {
	// Kind is the first byte on the wire: + - : $ * _ # , ( ! = % ~ >
	Kind byte
	// Text is what a reply that holds no others says.
	Text string
	// Null is set for $-1 and *-1.
	Null bool
	// Items are the replies of an array, set or push; of a map keys and values by turns.
	Items []Reply
}

// ReadReply reads one reply. Errors are the stream's, or say what is malformed.
func ReadReply(r *bufio.Reader) (Reply, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return Reply{}, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return Reply{}, fmt.Errorf("malformed reply %q", line)
	}
	v := Reply{Kind: line[0], Text: line[1 : len(line)-2]}
	switch v.Kind {
	case '+', '-', ':', '_', '#', ',', '(':
		return v, nil
	case '$', '!', '=', '*', '~', '%', '>':
	default:
		return v, fmt.Errorf("reply of unknown type %q", line)
	}
	n, err := strconv.Atoi(v.Text)
	if err != nil || n < -1 {
		return v, fmt.Errorf("malformed length in %q", line)
	}
	v.Text, v.Null = "", n < 0
	switch v.Kind {
	case '$', '!', '=':
		return v, v.readText(r, n)
	case '%':
		n *= 2
	}
	for range n {
		item, err := ReadReply(r)
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, item)
	}
	return v, nil
}

func (v *Reply) readText(r *bufio.Reader, n int) error {
	if v.Null {
		return nil
	}
	text := make([]byte, n+2)
	if _, err := io.ReadFull(r, text); err != nil {
		return err
	}
	if string(text[n:]) != "\r\n" {
		return fmt.Errorf("no line end after %d bytes of text", n)
	}
	v.Text = string(text[:n])
	return nil
}

// Get is the value of a map's key; a Reply of kind 0 if it isn't there. An array of RESP2 with keys and values by turns will do.
func (v Reply) Get(key string) Reply {
	for i := 0; i+1 < len(v.Items); i += 2 {
		if v.Items[i].Text == key {
			return v.Items[i+1]
		}
	}
	return Reply{}
}

// Lines are the reply in the notation of transcripts: the first byte of the wire and the text, quoted where it may hold any bytes; the replies that another one holds below it,
// two spaces further in. $nil and *nil are RESP2's nulls.
func (v Reply) Lines() []string { return v.lines(nil, "") }

func (v Reply) lines(to []string, indent string) []string {
	head := indent + string(rune(v.Kind))
	switch {
	case v.Null:
		return append(to, head+"nil")
	case v.Kind == '$', v.Kind == '!', v.Kind == '=':
		return append(to, head+quote(v.Text))
	case v.isAggregate():
		n := len(v.Items)
		if v.Kind == '%' {
			n /= 2
		}
		to = append(to, head+strconv.Itoa(n))
		for _, item := range v.Items {
			to = item.lines(to, indent+"  ")
		}
		return to
	}
	return append(to, head+v.Text)
}

func (v Reply) isAggregate() bool { return strings.IndexByte("*~%>", v.Kind) >= 0 }

// sort puts the items in an order of their own, in groups of so many; maps in groups of two.
func (v *Reply) sort(group int) {
	if v.Kind == '%' {
		group = 2
	}
	var groups [][]Reply
	for g := range slices.Chunk(v.Items, group) {
		groups = append(groups, g)
	}
	text := func(g []Reply) string {
		return strings.Join(Reply{Kind: '*', Items: g}.Lines(), "\n")
	}
	slices.SortStableFunc(groups, func(a, b []Reply) int { return strings.Compare(text(a), text(b)) })
	v.Items = slices.Concat(groups...)
}

// unique drops groups of items that are the same as the group before them.
func (v *Reply) unique(group int) {
	var kept []Reply
	last := ""
	for g := range slices.Chunk(v.Items, group) {
		text := strings.Join(Reply{Kind: '*', Items: g}.Lines(), "\n")
		if text != last {
			kept = append(kept, g...)
		}
		last = text
	}
	v.Items = kept
}

// blank replaces texts and numbers by question marks: what is left is the shape.
func (v *Reply) blank() {
	switch v.Kind {
	case '$', ':', ',':
		if !v.Null {
			v.Text = "?"
		}
	}
	for i := range v.Items {
		v.Items[i].blank()
	}
}

// quote writes bytes as redis-cli does.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case '\a':
			b.WriteString(`\a`)
		case '\b':
			b.WriteString(`\b`)
		default:
			if c < ' ' || c > '~' {
				fmt.Fprintf(&b, `\x%02x`, c)
			} else {
				b.WriteByte(c)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}
