package enginetest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/redcon"

	"github.com/openmemorydb/memorydb/engine/resp"
)

// A transcript is a text file of commands and the replies that redis-server 7.0.15 gave:
//
//	# comment
//	> set greeting "hello\n"
//	+OK
//	@ sorted
//	> hgetall h
//	*2
//	  $"field"
//	  $"value"
//
// A line that begins with > is a command, quoted as in redis-cli; the lines below it are its reply (Reply.Lines). Lines that begin with @ are directives, most of them for the
// next command only:
//
//	@ sorted [n]     the order of the reply's items, in groups of n, does not count
//	@ approx n       integers may differ by n
//	@ shape          only kinds and numbers of replies count
//	@ scan [n]       SCAN and the like: ask until the cursor is 0; the reply is all that was found, without repetitions, sorted in groups of n
//	@ for a b        the command is repeated with {i} replaced by the numbers from a to b; the reply is the last one
//	@ deviates why   our reply is another one, which follows Redis's on lines that begin with !
//	@ later          the command blocks: its reply is read by @ reply; one that follows it on the same connection waits behind it
//	@ reply name     reads the replies of the connection that are still to come
//	@ resp n         from here on the connection speaks RESP2 or RESP3
//	@ on name        from here on another connection is used, opened if it is new; the first one is called main
//
// In a command, {id name} is the number (CLIENT ID) of a connection that has sent a command with @ later, or can be asked for it. The command {push} sends nothing and
// reads one more message: one that was pushed.
//
// A file begins with an empty keyspace.
type transcript struct {
	path  string
	items []item
}

// item is a line to be kept as it is, or a step.
type item struct {
	line string
	step *step
}

// step is a command with its reply.
type step struct {
	number     int // of the line
	command    string
	want, ours []string // Redis's reply, and ours where it deviates
	directives map[string]string
}

// directives are those for one command, with the most arguments that they take.
var directives = map[string]int{"sorted": 1, "approx": 1, "shape": 0, "scan": 1, "for": 2, "deviates": -1, "later": 0}

// readTranscript reads a file. Errors name file and line.
func readTranscript(path string) (*transcript, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &transcript{path: path}
	var last *step
	next := map[string]string{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "> "):
			last = &step{number: n, command: line[2:], directives: next}
			next = map[string]string{}
			f.items = append(f.items, item{step: last})
		case strings.HasPrefix(line, "@ "):
			if err := checkDirective(line[2:], next); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, n, err)
			}
			f.items, last = append(f.items, item{line: line}), nil
		case line == "" || line == "#" || strings.HasPrefix(line, "# "):
			f.items, last = append(f.items, item{line: line}), nil
		case last == nil:
			return nil, fmt.Errorf("%s:%d: a reply without its command", path, n)
		case strings.HasPrefix(line, "! "):
			last.ours = append(last.ours, line[2:])
		default:
			last.want = append(last.want, line)
		}
	}
	for it := range f.steps {
		if _, deviates := it.directives["deviates"]; deviates != (it.ours != nil) {
			return nil, fmt.Errorf("%s:%d: a deviation needs @ deviates with its reason, and our reply on lines with !", path, it.number)
		}
	}
	return f, nil
}

// checkDirective checks a directive, and adds one for the next command to next.
func checkDirective(text string, next map[string]string) error {
	name, args, _ := strings.Cut(text, " ")
	words := strings.Fields(args)
	if name == "resp" || name == "on" || name == "reply" {
		if len(words) != 1 {
			return fmt.Errorf("@ %s takes one argument", name)
		}
		return nil
	}
	most, known := directives[name]
	if !known {
		return fmt.Errorf("unknown directive @ %s", name)
	}
	if most >= 0 && len(words) > most {
		return fmt.Errorf("@ %s takes %d arguments at most", name, most)
	}
	if most < 0 && len(words) == 0 {
		return fmt.Errorf("@ %s needs a reason", name)
	}
	next[name] = args
	return nil
}

// steps ranges over the commands.
func (f *transcript) steps(yield func(*step) bool) {
	for _, it := range f.items {
		if it.step != nil && !yield(it.step) {
			return
		}
	}
}

// write writes the file with the replies that its steps have now.
func (f *transcript) write() error {
	var b bytes.Buffer
	for _, it := range f.items {
		if it.step == nil {
			b.WriteString(it.line + "\n")
			continue
		}
		b.WriteString("> " + it.step.command + "\n")
		for _, l := range it.step.want {
			b.WriteString(l + "\n")
		}
		for _, l := range it.step.ours {
			b.WriteString("! " + l + "\n")
		}
	}
	return os.WriteFile(f.path, b.Bytes(), 0o644)
}

// argument is the number that a directive has, missing if it has none.
func (s *step) argument(directive string, missing int) int {
	n, err := strconv.Atoi(s.directives[directive])
	if err != nil {
		return missing
	}
	return n
}

func (s *step) has(directive string) bool {
	_, ok := s.directives[directive]
	return ok
}

// transcriptFiles are the transcripts of a folder, all or those of the given names.
func transcriptFiles(t testing.TB, dir string, names []string) []*transcript {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if len(names) > 0 {
		paths = nil
		for _, name := range names {
			paths = append(paths, filepath.Join(dir, name+".txt"))
		}
	}
	if err != nil || len(paths) == 0 {
		t.Fatalf("no transcripts in %s (%v)", dir, err)
	}
	var all []*transcript
	for _, p := range paths {
		f, err := readTranscript(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// splitWords splits a command line as redis-cli does.
func splitWords(line string) ([]string, error) {
	r := resp.NewReader(strings.NewReader(line+"\n"), resp.Limits{})
	for {
		if _, err := r.Fill(); err != nil {
			return nil, fmt.Errorf("no command in %q", line)
		}
		var cmd redcon.Command
		ok, err := r.Next(&cmd)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		words := make([]string, len(cmd.Args))
		for i, a := range cmd.Args {
			words[i] = string(a)
		}
		return words, nil
	}
}
