package listpack

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var texts = []string{
	"", "a", "0", "127", "128", "-1", "4095", "4096", "-4096", "-4097", "32767", "32768", "-32768", "-32769", "8388607", "8388608", "-8388608", "-8388609",
	"2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "-9223372036854775809",
	"00", "-0", "+1", " 1", "1 ", "01", strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("y", 4095), strings.Repeat("y", 4096), strings.Repeat("z", 17000),
	strings.Repeat("z", 16381), strings.Repeat("z", 16380), strings.Repeat("z", 2097145), "1.5", "-", "18446744073709551615",
}

func content(p []byte) (all []string) {
	for at := HeaderSize; at < End(p); at = Next(p, at) {
		all = append(all, string(At(p, at).Append(nil)))
	}
	return all
}

func backwards(p []byte) (all []string) {
	for at := End(p); at > HeaderSize; {
		at = Prev(p, at)
		all = append(all, string(At(p, at).Text(make([]byte, 0, 20))))
	}
	slices.Reverse(all)
	return all
}

func TestElementsComeBackAsTheyWere(t *testing.T) {
	p := New()
	for _, s := range texts {
		before := len(p)
		p = Append(p, []byte(s))
		if len(p)-before != ElemSize([]byte(s)) {
			t.Errorf("%.30q took %d bytes, ElemSize says %d", s, len(p)-before, ElemSize([]byte(s)))
		}
	}
	if !slices.Equal(content(p), texts) || !slices.Equal(backwards(p), texts) {
		t.Error("content differs")
	}
	if n, err := Valid(p); err != nil || n != len(texts) {
		t.Errorf("Valid = %d, %v", n, err)
	}
	for i, s := range texts {
		at, ok := Seek(p, i)
		back, ok2 := Seek(p, i-len(texts))
		if !ok || !ok2 || at != back || !At(p, at).Equal([]byte(s)) || At(p, at).Len() != len(s) {
			t.Errorf("element %d: %v %v at %d and %d", i, ok, ok2, at, back)
		}
		if found, ok := Find(p, HeaderSize, []byte(s), 0); !ok || found != at {
			t.Errorf("Find(%.30q) = %d, %v, want %d", s, found, ok, at)
		}
	}
	if _, ok := Seek(p, len(texts)); ok {
		t.Error("Seek behind the end found something")
	}
	if _, ok := Seek(p, -len(texts)-1); ok {
		t.Error("Seek before the beginning found something")
	}
}

// What redis-server 7.0.15 holds for RPUSH l a 1 1000 -5 hello, taken from DUMP.
func TestBytesAreRedis(t *testing.T) {
	want := []byte("\x19\x00\x00\x00\x05\x00\x81a\x02\x01\x01\xc3\xe8\x02\xdf\xfb\x02\x85hello\x06\xff")
	got := Append(New(), []byte("a"), []byte("1"), []byte("1000"), []byte("-5"), []byte("hello"))
	if !bytes.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestSpliceAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	room := Heap(New())
	p := []byte(room)
	var model []string
	for step := range 20000 {
		from := r.IntN(len(model) + 1)
		removed := r.IntN(min(3, len(model)-from) + 1)
		if len(model) > 200 {
			from, removed = 0, 150
		}
		var put [][]byte
		var putText []string
		for range r.IntN(3) {
			s := texts[r.IntN(25)]
			put, putText = append(put, []byte(s)), append(putText, s)
		}
		a := End(p)
		if from < len(model) {
			a, _ = Seek(p, from)
		}
		b := a
		for range removed {
			b = Next(p, b)
		}
		p = Splice(p, &room, a, b, removed, put...)
		model = slices.Replace(model, from, from+removed, putText...)
		if Len(p) != len(model) || step%100 == 0 && !slices.Equal(content(p), model) {
			t.Fatalf("step %d: differs", step)
		}
	}
	if n, err := Valid(p); err != nil || n != len(model) {
		t.Errorf("Valid = %d, %v", n, err)
	}
}

func TestMoreElementsThanTheHeaderCounts(t *testing.T) {
	room := Heap(New())
	p := []byte(room)
	for i := range 70000 {
		p = SpliceInts(p, &room, End(p), End(p), 0, int64(i))
	}
	if Len(p) != 70000 {
		t.Errorf("Len = %d", Len(p))
	}
	at, ok := Seek(p, 66000)
	if !ok || At(p, at).Int != 66000 {
		t.Errorf("Seek(66000) = %v, %v", At(p, at), ok)
	}
	if n, err := Valid(p); n != 70000 || err != nil {
		t.Errorf("Valid = %d, %v", n, err)
	}
}

func TestInteger(t *testing.T) {
	for _, s := range texts {
		n, ok := Integer([]byte(s))
		want, err := strconv.ParseInt(s, 10, 64)
		canonical := err == nil && strconv.FormatInt(want, 10) == s
		if ok != canonical || ok && n != want {
			t.Errorf("Integer(%.30q) = %d, %v", s, n, ok)
		}
	}
	if n, ok := Integer([]byte("-9223372036854775808")); !ok || n != math.MinInt64 {
		t.Errorf("least integer: %d, %v", n, ok)
	}
}

func FuzzValid(f *testing.F) {
	f.Add(Append(New(), []byte("a"), []byte("1000"), []byte("x")))
	f.Add(New())
	f.Fuzz(func(t *testing.T, p []byte) {
		n, err := Valid(p)
		if err != nil {
			return
		}
		if len(content(p)) != n || len(backwards(p)) != n {
			t.Errorf("%d forwards, %d backwards, Valid says %d", len(content(p)), len(backwards(p)), n)
		}
	})
}
