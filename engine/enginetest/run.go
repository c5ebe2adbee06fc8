package enginetest

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/command"
)

// RunTranscripts runs the transcripts of a folder, each as a subtest, on connections that dial opens to one server of ours, or with -against to a redis-server.
// The server must own all slots. Names of files, without .txt, restrict the run to those.
func RunTranscripts(t *testing.T, dir string, dial func(testing.TB) net.Conn, names ...string) {
	t.Helper()
	if *rewrite && *against == "" {
		t.Fatal("-rewrite needs -against redis-server: only Redis writes expectations")
	}
	if *against != "" {
		dial = dialTo(StartRedis(t, *against))
	}
	for _, f := range transcriptFiles(t, dir, names) {
		t.Run(strings.TrimSuffix(filepath.Base(f.path), ".txt"), func(t *testing.T) {
			p := &play{t: t, dial: dial, conns: map[string]*Client{}, later: map[string][]*step{}, ids: map[string]string{}}
			if v := p.on("main").Do("flushall"); v.Text != "OK" {
				t.Fatalf("FLUSHALL: %v", v.Lines())
			}
			p.run(f)
			if *rewrite {
				if err := f.write(); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("%d commands, %d of them deviate by intent", p.commands, p.deviations)
		})
	}
}

// play is one run of a transcript.
type play struct {
	t                    *testing.T
	dial                 func(testing.TB) net.Conn
	conns                map[string]*Client
	c                    *Client
	name                 string             // of c
	later                map[string][]*step // by connection: the commands whose replies are still to come
	ids                  map[string]string
	commands, deviations int
}

// on switches to a connection.
func (p *play) on(name string) *Client {
	c := p.conns[name]
	if c == nil {
		c = NewClient(p.t, p.dial(p.t))
		p.conns[name] = c
	}
	p.c, p.name = c, name
	return c
}

func (p *play) run(f *transcript) {
	for _, it := range f.items {
		if it.step == nil {
			p.switchTo(f, it.line)
			continue
		}
		s := it.step
		p.commands++
		if s.has("later") {
			p.sendLater(f, s)
			continue
		}
		got, err := p.ask(s)
		if err != nil {
			p.t.Fatalf("%s:%d: %v", f.path, s.number, err)
		}
		p.compare(f, s, got)
	}
	for name, steps := range p.later {
		if len(steps) > 0 {
			p.t.Fatalf("%s:%d: the reply is never read: @ reply %s is missing", f.path, steps[0].number, name)
		}
	}
}

// compare checks a step's reply, or takes it over.
func (p *play) compare(f *transcript, s *step, got []string) {
	p.t.Helper()
	if *rewrite {
		if !s.has("approx") || !approximately(s.want, got, s.argument("approx", 0)) { // a reply that fits stays
			s.want = got
		}
		return
	}
	want := s.want
	if s.ours != nil {
		p.deviations++
		if *against == "" {
			if slices.Equal(got, s.want) {
				p.t.Errorf("%s:%d: %s\ndeviates no longer: take the directive and the lines with ! away", f.path, s.number, s.command)
			}
			want = s.ours
		}
	}
	if !approximately(want, got, s.argument("approx", 0)) {
		p.t.Errorf("%s:%d: %s\n got:\n%s\nwant:\n%s", f.path, s.number, s.command, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// sendLater sends a command and waits until its connection is blocked, if it wasn't already.
func (p *play) sendLater(f *transcript, s *step) {
	words, err := p.words(s.command)
	if err != nil {
		p.t.Fatalf("%s:%d: %v", f.path, s.number, err)
	}
	if len(p.later[p.name]) > 0 {
		p.c.Send(words...)
	} else {
		if p.ids[p.name] == "" {
			p.ids[p.name] = p.c.Do("client", "id").Text
		}
		before := p.blocked()
		p.c.Send(words...)
		await(p.t, fmt.Sprintf("%s:%d: %s to block", f.path, s.number, s.command), func() bool { return p.blocked() > before })
	}
	p.later[p.name] = append(p.later[p.name], s)
}

// blocked is the number of blocked connections.
func (p *play) blocked() int {
	back := p.name
	text := p.on("{blocked}").Do("info", "clients").Text
	p.on(back)
	_, text, _ = strings.Cut(text, "blocked_clients:")
	text, _, _ = strings.Cut(text, "\r")
	n, err := strconv.Atoi(text)
	if err != nil {
		p.t.Fatalf("INFO clients: %v", err)
	}
	return n
}

// receive reads the replies of a connection that are still to come.
func (p *play) receive(f *transcript, name string) {
	for _, s := range p.later[name] {
		p.compare(f, s, lines(s, p.conns[name].Receive()))
	}
	delete(p.later, name)
}

// switchTo follows the directives that hold for more than one command.
func (p *play) switchTo(f *transcript, line string) {
	switch words := strings.Fields(line); {
	case len(words) == 3 && words[0] == "@" && words[1] == "on":
		p.on(words[2])
	case len(words) == 3 && words[0] == "@" && words[1] == "reply":
		p.receive(f, words[2])
	case len(words) == 3 && words[0] == "@" && words[1] == "resp":
		n, err := strconv.Atoi(words[2])
		if err != nil {
			p.t.Fatalf("%s: %v", line, err)
		}
		p.c.Proto(n)
	}
}

// ask runs a step and returns its reply's lines, made comparable as its directives say.
func (p *play) ask(s *step) ([]string, error) {
	v, err := p.repeat(s)
	if err != nil {
		return nil, err
	}
	return lines(s, v), nil
}

func lines(s *step, v Reply) []string {
	if s.has("sorted") {
		v.sort(s.argument("sorted", 1))
	}
	if s.has("shape") {
		v.blank()
	}
	return v.Lines()
}

func (p *play) repeat(s *step) (Reply, error) {
	if !s.has("for") {
		return p.once(s, s.command)
	}
	var from, to int
	if _, err := fmt.Sscan(s.directives["for"], &from, &to); err != nil {
		return Reply{}, fmt.Errorf("@ for: %w", err)
	}
	var v Reply
	for i := from; i <= to; i++ {
		var err error
		if v, err = p.once(s, strings.ReplaceAll(s.command, "{i}", strconv.Itoa(i))); err != nil {
			return v, err
		}
	}
	return v, nil
}

// words are those of a command, with the numbers of connections put in.
func (p *play) words(line string) ([]string, error) {
	for name, c := range p.conns {
		if p.ids[name] == "" && strings.Contains(line, "{id "+name+"}") {
			p.ids[name] = c.Do("client", "id").Text
		}
	}
	for name, id := range p.ids {
		line = strings.ReplaceAll(line, "{id "+name+"}", id)
	}
	return splitWords(line)
}

func (p *play) once(s *step, line string) (Reply, error) {
	words, err := p.words(line)
	if err != nil {
		return Reply{}, err
	}
	if words[0] == "{push}" {
		return p.c.Receive(), nil
	}
	if s.has("scan") {
		return p.scan(words, s.argument("scan", 1))
	}
	return p.c.Do(words...), nil
}

// scan asks until the cursor is 0. The cursor is the first word of SCAN, behind the key of the others.
func (p *play) scan(words []string, group int) (Reply, error) {
	at := 2
	if strings.EqualFold(words[0], "scan") {
		at = 1
	}
	all := Reply{Kind: '*'}
	for range 1 << 16 {
		v := p.c.Do(words...)
		if len(v.Items) != 2 {
			return v, nil // an error
		}
		all.Items = append(all.Items, v.Items[1].Items...)
		words[at] = v.Items[0].Text
		if words[at] == "0" {
			all.sort(group)
			all.unique(group)
			return all, nil
		}
	}
	return all, fmt.Errorf("no end of the iteration")
}

// approximately says whether replies are the same, but for integers that may differ by so much.
func approximately(want, got []string, by int) bool {
	return slices.EqualFunc(want, got, func(w, g string) bool {
		if w == g {
			return true
		}
		a, ok := integer(w)
		b, ok2 := integer(g)
		return ok && ok2 && max(a-b, b-a) <= by
	})
}

// integer is the number that a line shows.
func integer(line string) (int, bool) {
	text, ok := strings.CutPrefix(strings.TrimLeft(line, " "), ":")
	n, err := strconv.Atoi(text)
	return n, ok && err == nil
}

// CheckCoverage fails the test for each row of the table that no transcript of the folder runs. Commands that the table does not know are passed over.
func CheckCoverage(t *testing.T, dir string, table *command.Table) {
	t.Helper()
	seen := make([]int, len(table.All()))
	total := 0
	for _, f := range transcriptFiles(t, dir, nil) {
		for s := range f.steps {
			words, err := splitWords(s.command)
			if err != nil {
				t.Fatalf("%s:%d: %v", f.path, s.number, err)
			}
			argv := make([][]byte, len(words))
			for i, w := range words {
				argv[i] = []byte(w)
			}
			total++
			if row, err := table.Lookup(argv); err == nil {
				seen[row.ID]++
			}
		}
	}
	for _, row := range table.All() {
		if row.Run != nil && len(row.Subcommands) == 0 && seen[row.ID] == 0 {
			t.Errorf("%s is in no transcript", row.FullName)
		}
	}
	t.Logf("%d commands in %s", total, filepath.Base(dir))
}
