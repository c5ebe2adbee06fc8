package enginetest

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func decode(t *testing.T, wire string) Reply {
	t.Helper()
	v, err := ReadReply(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		t.Fatalf("%q: %v", wire, err)
	}
	return v
}

func TestRepliesAsLinesAndBack(t *testing.T) {
	for wire, want := range map[string]string{
		"+OK\r\n":                              "+OK",
		"-ERR no\r\n":                          "-ERR no",
		":-5\r\n":                              ":-5",
		"$5\r\na\r\n\"\xff\r\n":                `$"a\r\n\"\xff"`,
		"$0\r\n\r\n":                           `$""`,
		"$-1\r\n":                              "$nil",
		"*-1\r\n":                              "*nil",
		"_\r\n":                                "_",
		"#t\r\n":                               "#t",
		",1.5\r\n":                             ",1.5",
		"(123\r\n":                             "(123",
		"=7\r\ntxt:abc\r\n":                    `="txt:abc"`,
		"*0\r\n":                               "*0",
		"*2\r\n:1\r\n*1\r\n+a\r\n":             "*2\n  :1\n  *1\n    +a",
		"%1\r\n$1\r\na\r\n:1\r\n":              "%1\n  $\"a\"\n  :1",
		"~1\r\n:1\r\n":                         "~1\n  :1",
		">2\r\n+pubsub\r\n$3\r\n\x00\t\\\r\n":  ">2\n  +pubsub\n  $\"\\x00\\t\\\\\"",
		"*1\r\n%2\r\n+a\r\n:1\r\n+b\r\n*0\r\n": "*1\n  %2\n    +a\n    :1\n    +b\n    *0",
		"!9\r\nERR fault\r\n":                  `!"ERR fault"`,
	} {
		v := decode(t, wire)
		if got := strings.Join(v.Lines(), "\n"); got != want {
			t.Errorf("%q is shown as\n%s\nwant\n%s", wire, got, want)
		}
		if got := string(v.appendTo(nil)); got != wire {
			t.Errorf("%q is written as %q", wire, got)
		}
	}
}

func TestMalformedRepliesAreErrors(t *testing.T) {
	for _, wire := range []string{"", "+OK", "+OK\n", "\r\n", "?x\r\n", "$a\r\n", "$-2\r\n", "$3\r\nab", "$1\r\nabc", "*1\r\n", "%1\r\n:1\r\n"} {
		if v, err := ReadReply(bufio.NewReader(strings.NewReader(wire))); err == nil {
			t.Errorf("%q is read as %v", wire, v.Lines())
		}
	}
}

func TestEqualities(t *testing.T) {
	v := decode(t, "*6\r\n+b\r\n:2\r\n+a\r\n:1\r\n+a\r\n:1\r\n")
	v.sort(2)
	v.unique(2)
	if got := strings.Join(v.Lines(), " "); got != "*4   +a   :1   +b   :2" {
		t.Errorf("sorted and unique pairs: %s", got)
	}
	v.blank()
	if got := strings.Join(v.Lines(), " "); got != "*4   +a   :?   +b   :?" {
		t.Errorf("shape: %s", got)
	}
	for _, c := range []struct {
		want, got string
		by        int
		same      bool
	}{
		{":100", ":98", 2, true}, {":98", ":100", 2, true}, {":100", ":97", 2, false}, {":100", "+100", 2, false}, {":100", ":100 :1", 2, false},
		{"*1   :5", "*1   :6", 1, true}, {`$"5"`, `$"6"`, 1, false}, {":5", ":6", 0, false},
	} {
		if approximately(strings.Fields(c.want), strings.Fields(c.got), c.by) != c.same {
			t.Errorf("%s and %s by %d: want %v", c.want, c.got, c.by, c.same)
		}
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "some.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const sample = `# a comment

@ sorted 2
> hgetall "a key"
*2
  $"b"
  $"1"
@ deviates there is a reason
> object refcount x
:1
! :2147483647
@ resp 3
> get "#t"
_
# another one
> some boolean
#t
`

func TestTranscriptIsReadAndWrittenAsItIs(t *testing.T) {
	path := write(t, sample)
	f, err := readTranscript(path)
	if err != nil {
		t.Fatal(err)
	}
	steps := slices.Collect(f.steps)
	if len(steps) != 4 || steps[0].argument("sorted", 1) != 2 || !steps[1].has("deviates") || steps[1].has("sorted") || steps[3].want[0] != "#t" {
		t.Errorf("steps %+v", steps)
	}
	if err := f.write(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != sample {
		t.Errorf("written as %s, %v", got, err)
	}
}

func TestBadTranscriptsAreRefusedWithTheirLine(t *testing.T) {
	for text, want := range map[string]string{
		"+OK\n":                         "some.txt:1: a reply without its command",
		"> get a\n\n+OK\n":              "some.txt:3: a reply without its command",
		"@ nonsense\n":                  "some.txt:1: unknown directive @ nonsense",
		"\n@ resp\n":                    "some.txt:2: @ resp takes one argument",
		"@ sorted 1 2\n":                "some.txt:1: @ sorted takes 1 arguments at most",
		"@ deviates\n":                  "some.txt:1: @ deviates needs a reason",
		"@ deviates why\n> get a\n+x\n": "some.txt:2: a deviation needs",
		"> get a\n+x\n! +y\n":           "some.txt:1: a deviation needs",
	} {
		_, err := readTranscript(write(t, text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

func TestSplitWords(t *testing.T) {
	words, err := splitWords(`set "a b" '\'c' "\x00\n" "" {i}`)
	if want := []string{"set", "a b", "'c", "\x00\n", "", "{i}"}; err != nil || !slices.Equal(words, want) {
		t.Errorf("words %q, %v, want %q", words, err, want)
	}
	for _, bad := range []string{"", "  ", `get "a`, `get "a"b`} {
		if words, err := splitWords(bad); err == nil {
			t.Errorf("%q is split into %q", bad, words)
		}
	}
}
