package resp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/redcon"
)

// readAll gives every request of src, and the error that ended the stream: nil at its end.
func readAll(src io.Reader, limits Limits) (requests [][]string, err error) {
	r := NewReader(src, limits)
	var cmd redcon.Command
	for {
		for {
			ok, err := r.Next(&cmd)
			if err != nil {
				return requests, err
			}
			if !ok {
				break
			}
			var words []string
			for _, a := range cmd.Args {
				words = append(words, string(a))
			}
			requests = append(requests, words)
		}
		if _, err := r.Fill(); errors.Is(err, io.EOF) {
			return requests, nil
		} else if err != nil {
			return requests, err
		}
	}
}

// readerCases are what redis-server 7.0.15 made of these bytes; where Redis takes more than we do, the case says so.
var readerCases = []struct {
	name, in string
	limits   Limits
	want     [][]string
	err      string
}{
	{name: "multibulk", in: "*2\r\n$4\r\nECHO\r\n$1\r\na\r\n", want: [][]string{{"ECHO", "a"}}},
	{name: "two requests", in: "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n", want: [][]string{{"PING"}, {"PING"}}},
	{name: "empty argument", in: "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", want: [][]string{{"ECHO", ""}}},
	{name: "argument with line ends and NUL", in: "*2\r\n$4\r\nECHO\r\n$5\r\n\r\n\x00\r\n\r\n", want: [][]string{{"ECHO", "\r\n\x00\r\n"}}},
	{name: "no bulk header", in: "*3\r\nabc\r\n", err: "ERR Protocol error: expected '$', got 'a'"},
	{name: "integer for a bulk", in: "*1\r\n:5\r\n", err: "ERR Protocol error: expected '$', got ':'"},
	{name: "requests before an error are given", in: "PING\r\n*1\r\n:1\r\n", want: [][]string{{"PING"}}, err: "ERR Protocol error: expected '$', got ':'"},
	{name: "negative bulk", in: "*1\r\n$-1\r\n", err: "ERR Protocol error: invalid bulk length"},
	{name: "bulk that is no number", in: "*1\r\n$abc\r\n", err: "ERR Protocol error: invalid bulk length"},
	{name: "bulk without number", in: "*1\r\n$\r\n", err: "ERR Protocol error: invalid bulk length"},
	{name: "bulk over proto-max-bulk-len", in: "*1\r\n$536870913\r\n", err: "ERR Protocol error: invalid bulk length"},
	{name: "bulk of 2^63-1", in: "*1\r\n$9223372036854775807\r\nA\r\n", err: "ERR Protocol error: invalid bulk length"},
	{name: "bulk with plus", in: "*1\r\n$+4\r\n", err: "ERR Protocol error: invalid bulk length"},
	{name: "bulk with leading zero", in: "*1\r\n$04\r\nPING\r\n", err: "ERR Protocol error: invalid bulk length"},
	{name: "count that is no number", in: "*a\r\n", err: "ERR Protocol error: invalid multibulk length"},
	{name: "count without number", in: "*\r\n", err: "ERR Protocol error: invalid multibulk length"},
	{name: "count with plus", in: "*+1\r\n", err: "ERR Protocol error: invalid multibulk length"},
	{name: "count with leading zero", in: "*01\r\n", err: "ERR Protocol error: invalid multibulk length"},
	{name: "count of 2^31", in: "*2147483648\r\n", err: "ERR Protocol error: invalid multibulk length"},
	{name: "count of 2^63", in: "*9223372036854775808\r\n", err: "ERR Protocol error: invalid multibulk length"},
	{name: "count over a million, which Redis 7 would wait for", in: "*1048577\r\n", err: "ERR Protocol error: invalid multibulk length"},
	{name: "count of a million waits", in: "*1048576\r\n$4\r\nMSET\r\n"},
	{name: "negative and zero counts are ignored", in: "*-1\r\n*0\r\n*-10\r\nPING\r\n", want: [][]string{{"PING"}}},
	{name: "long count line", in: "*" + strings.Repeat("1", 70000), err: "ERR Protocol error: too big mbulk count string"},
	{name: "long bulk line", in: "*1\r\n$" + strings.Repeat("1", 70000), err: "ERR Protocol error: too big bulk count string"},
	{name: "bytes after an argument are not looked at", in: "*1\r\n$4\r\nPINGxx*1\rX$4\rXPING\r\n", want: [][]string{{"PING"}, {"PING"}}},
	{name: "inline", in: "SET a b\r\nGET a\n", want: [][]string{{"SET", "a", "b"}, {"GET", "a"}}},
	{name: "empty lines are ignored", in: "\r\nPING\r\n\n\n  \r\nPING\n", want: [][]string{{"PING"}, {"PING"}}},
	{name: "double quotes", in: `ECHO "a\x41\n\q\xzz"` + "\r\n", want: [][]string{{"ECHO", "aA\nqxzz"}}},
	{name: "single quotes", in: `ECHO 'a\'b\n'` + "\r\n", want: [][]string{{"ECHO", `a'b\n`}}},
	{name: "empty quotes", in: "ECHO '' \"\"\r\n", want: [][]string{{"ECHO", "", ""}}},
	{name: "quotes within a word", in: `ECHO a"b c"` + "\r\n", want: [][]string{{"ECHO", "ab c"}}},
	{name: "vertical tab within a word", in: "PING\v\r\n", want: [][]string{{"PING\v"}}},
	{name: "open quote", in: "PING \"abc\r\n", err: "ERR Protocol error: unbalanced quotes in request"},
	{name: "open quote after a backslash", in: "PING \"abc\\\"\r\n", err: "ERR Protocol error: unbalanced quotes in request"},
	{name: "word after a closing quote", in: "ECHO 'a'b\r\n", err: "ERR Protocol error: unbalanced quotes in request"},
	{name: "long line", in: strings.Repeat("A", 70000), err: "ERR Protocol error: too big inline request"},
	{name: "longest line", in: strings.Repeat("A", 64<<10) + "\n", want: [][]string{{strings.Repeat("A", 64<<10)}}},
	{name: "NUL hides the rest of a line", in: "PI\x00NG\r\nPING\r\n"},
	{name: "HTTP", in: "POST / HTTP/1.1\r\n", want: [][]string{{"POST", "/", "HTTP/1.1"}}},
	{name: "eleven arguments before AUTH", in: "*11\r\n", limits: Limits{Unauthenticated: true}, err: "ERR Protocol error: unauthenticated multibulk length"},
	{name: "ten arguments before AUTH", in: "*10\r\n", limits: Limits{Unauthenticated: true}},
	{name: "16 KiB and a byte before AUTH", in: "*1\r\n$16385\r\n", limits: Limits{Unauthenticated: true}, err: "ERR Protocol error: unauthenticated bulk length"},
	{name: "16 KiB before AUTH", in: "*1\r\n$16384\r\n", limits: Limits{Unauthenticated: true}},
	{name: "own limit of a bulk", in: "*1\r\n$11\r\n", limits: Limits{MaxBulk: 10}, err: "ERR Protocol error: invalid bulk length"},
	{name: "query buffer", in: "*2\r\n$4\r\nECHO\r\n$100000\r\n" + strings.Repeat("x", 100000) + "\r\n", limits: Limits{MaxBuffer: 50000}, err: ErrQueryBuffer.Error()},
}

func TestReader(t *testing.T) {
	for _, c := range readerCases {
		t.Run(c.name, func(t *testing.T) {
			for name, src := range map[string]io.Reader{
				"at once":      strings.NewReader(c.in),
				"byte by byte": iotest.OneByteReader(strings.NewReader(c.in)),
				"halved":       iotest.HalfReader(strings.NewReader(c.in)),
			} {
				got, err := readAll(src, c.limits)
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s: requests (-want +got):\n%s", name, diff)
				}
				if text := fmt.Sprint(err); err != nil && text != c.err || err == nil && c.err != "" {
					t.Errorf("%s: error %v, want %q", name, err, c.err)
				}
			}
		})
	}
}

// The limits of those who have not authenticated end with the request that authenticates.
func TestReaderLimitsChangeBetweenRequests(t *testing.T) {
	r := NewReader(strings.NewReader("AUTH pw\r\n*11\r\n"+strings.Repeat("$1\r\na\r\n", 11)), Limits{Unauthenticated: true})
	if _, err := r.Fill(); err != nil {
		t.Fatal(err)
	}
	var cmd redcon.Command
	if ok, err := r.Next(&cmd); !ok || err != nil {
		t.Fatalf("AUTH: %v, %v", ok, err)
	}
	r.Limits.Unauthenticated = false
	if ok, err := r.Next(&cmd); !ok || err != nil || len(cmd.Args) != 11 {
		t.Fatalf("after AUTH: %v, %v, %d words", ok, err, len(cmd.Args))
	}
}

// repeat is a stream of the same bytes, so many in all.
type repeat struct {
	what []byte
	off  int
	left int
}

func (s *repeat) Read(b []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(b) && s.left > 0 {
		k := copy(b[n:min(len(b), n+s.left)], s.what[s.off:])
		n, s.left, s.off = n+k, s.left-k, (s.off+k)%len(s.what)
	}
	return n, nil
}

// One connection that streams 600 MiB without waiting for replies costs neither memory nor allocations (reference: redcon's reader grew to 761 MiB).
func TestReaderStreamIsBounded(t *testing.T) {
	size := 600 << 20
	if testing.Short() {
		size = 60 << 20
	}
	one := fmt.Appendf(nil, "*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$1024\r\n%s\r\n", strings.Repeat("x", 1024))
	r := NewReader(&repeat{what: one, left: size / len(one) * len(one)}, Limits{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var cmd redcon.Command
	count := 0
	for {
		if _, err := r.Fill(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for {
			ok, err := r.Next(&cmd)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			count++
		}
	}
	runtime.ReadMemStats(&after)
	if count != size/len(one) {
		t.Errorf("%d requests, want %d", count, size/len(one))
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("the stream allocated %d bytes", got)
	}
	if r.Room() > keepBuffer {
		t.Errorf("buffer of %d bytes", r.Room())
	}
}

// A header does not reserve memory, and what a big argument needed is given back.
func TestReaderGrowsWithWhatArrives(t *testing.T) {
	head := "*2\r\n$4\r\nECHO\r\n$500000000\r\n"
	pr, pw := io.Pipe()
	defer pw.Close()
	r := NewReader(pr, Limits{})
	var cmd redcon.Command
	write := func(s string) {
		go func() { io.WriteString(pw, s) }()
		for got := 0; got < len(s); {
			n, err := r.Fill()
			if err != nil {
				t.Fatal(err)
			}
			got += n
			if ok, err := r.Next(&cmd); ok || err != nil {
				t.Fatalf("Next: %v, %v", ok, err)
			}
		}
	}
	write(head)
	if r.Room() > readBuffer {
		t.Errorf("a header alone made the buffer %d bytes", r.Room())
	}
	write(strings.Repeat("x", 100<<10))
	if r.Room() > 300<<10 {
		t.Errorf("100 KiB made the buffer %d bytes", r.Room())
	}

	big := fmt.Sprintf("*2\r\n$4\r\nECHO\r\n$%d\r\n%s\r\nPING\r\n", 8<<20, strings.Repeat("y", 8<<20))
	r = NewReader(strings.NewReader(big), Limits{})
	var words [][]int
	for {
		if _, err := r.Fill(); err != nil {
			break
		}
		for {
			ok, err := r.Next(&cmd)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			var lens []int
			for _, a := range cmd.Args {
				lens = append(lens, len(a))
			}
			words = append(words, lens)
		}
	}
	if diff := cmp.Diff([][]int{{4, 8 << 20}, {4}}, words); diff != "" {
		t.Error(diff)
	}
	if r.Room() > keepBuffer {
		t.Errorf("after a big argument the buffer keeps %d bytes", r.Room())
	}
}

func TestReaderDoesNotAllocate(t *testing.T) {
	one := []byte("*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000001\r\n")
	r := NewReader(&repeat{what: one, left: 1 << 40}, Limits{})
	var cmd redcon.Command
	allocs := testing.AllocsPerRun(1000, func() {
		if _, err := r.Fill(); err != nil {
			t.Fatal(err)
		}
		for {
			if ok, err := r.Next(&cmd); err != nil {
				t.Fatal(err)
			} else if !ok {
				return
			}
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations a batch", allocs)
	}
}

// FuzzReader checks that the reader never panics, ends, and gives the same result whichever way the input is split.
func FuzzReader(f *testing.F) {
	for _, c := range readerCases {
		if len(c.in) < 1000 {
			f.Add([]byte(c.in), uint16(3), c.limits.Unauthenticated)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, step uint16, unauthenticated bool) {
		limits := Limits{MaxBulk: 1 << 20, MaxArgs: 1 << 10, Unauthenticated: unauthenticated}
		want, wantErr := readAll(bytes.NewReader(in), limits)
		got, gotErr := readAll(&steps{in: in, step: int(step%97) + 1}, limits)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("requests differ with the split (-whole +parts):\n%s", diff)
		}
		if fmt.Sprint(wantErr) != fmt.Sprint(gotErr) {
			t.Errorf("whole: %v; in parts: %v", wantErr, gotErr)
		}
		total := 0
		for _, words := range want {
			if len(words) == 0 {
				t.Error("empty request")
			}
			for _, w := range words {
				total += len(w)
			}
		}
		if total > len(in) {
			t.Errorf("%d bytes of words from %d bytes", total, len(in))
		}
	})
}

type steps struct {
	in   []byte
	step int
}

func (s *steps) Read(b []byte) (int, error) {
	if len(s.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.in[:min(len(s.in), s.step)])
	s.in = s.in[n:]
	return n, nil
}

func BenchmarkReader(b *testing.B) {
	one := []byte("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$32\r\nabcdefghijklmnopqrstuvwxyz012345\r\n")
	r := NewReader(&repeat{what: one, left: 1 << 60}, Limits{})
	b.SetBytes(int64(len(one)))
	b.ReportAllocs()
	var cmd redcon.Command
	for i := 0; i < b.N; {
		if _, err := r.Fill(); err != nil {
			b.Fatal(err)
		}
		for {
			ok, err := r.Next(&cmd)
			if err != nil {
				b.Fatal(err)
			}
			if !ok {
				break
			}
			i++
		}
	}
}
