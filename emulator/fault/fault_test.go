package fault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openmemorydb/memorydb/emulator/control"
	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"5s": 5 * time.Second, "1m30s": 90 * time.Second, "PT5S": 5 * time.Second, "PT1M30.5S": 90*time.Second + 500*time.Millisecond, "P1DT2H": 26 * time.Hour,
		"-PT1H": -time.Hour, "0": 0,
	} {
		if got, err := ParseDuration(text); err != nil || time.Duration(got) != want {
			t.Errorf("%s is %v, %v; want %v", text, got, err, want)
		}
		var f Fault
		if err := json.Unmarshal([]byte(`{"duration":"`+text+`"}`), &f); err != nil || time.Duration(f.Duration) != want {
			t.Errorf("%s in JSON is %v, %v; want %v", text, f.Duration, err, want)
		}
	}
	var f Fault
	if err := json.Unmarshal([]byte(`{"duration":2.5}`), &f); err != nil || time.Duration(f.Duration) != 2500*time.Millisecond {
		t.Errorf("2.5 in JSON is %v, %v", f.Duration, err)
	}
	for _, text := range []string{"", "P", "PT", "5", "soon", "PT1X", "P1Y", "PT" + strings.Repeat("9", 400) + "S"} {
		if d, err := ParseDuration(text); err == nil {
			t.Errorf("%s is read as %v", text, d)
		}
	}
	for _, text := range []string{"true", "{}", "1e300", `"P9999999999D"`} {
		if err := json.Unmarshal([]byte(`{"duration":`+text+`}`), &f); err == nil {
			t.Errorf("%s in JSON is read as %v", text, f.Duration)
		}
	}
}

// fakeControl has one cluster of one shard with two nodes, in zones a and b.
type fakeControl struct {
	control.Reconciler
	mu     sync.Mutex
	events []string // guarded by mu
}

func (c *fakeControl) Wanted(context.Context) ([]control.WantedCluster, error) {
	return []control.WantedCluster{{Account: "1", Region: "eu-west-1", Name: "c", Shards: []control.WantedShard{
		{Name: "0001", Nodes: []control.WantedNode{{Name: "c-0001-001", Zone: "eu-west-1a"}, {Name: "c-0001-002", Zone: "eu-west-1b"}}},
	}}}, nil
}

func (c *fakeControl) Event(_ context.Context, _ control.Place, messages ...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, messages...)
	return nil
}

var first = Node{Place: control.Place{Account: "1", Region: "eu-west-1", Cluster: "c"}, Shard: "0001", Name: "c-0001-001", Zone: "eu-west-1a"}

func injector(t *testing.T) (*Injector, *fakeControl) {
	c := &fakeControl{}
	dir := t.TempDir()
	in := New(Config{Zones: []Zone{{"a", dir + "/a"}, {"b", dir + "/b"}, {"c", dir + "/c"}}, Now: time.Now})
	in.Bind(c, func(control.Place) {})
	t.Cleanup(in.Close)
	return in, c
}

func begun(t *testing.T, in *Injector, f Fault) Fault {
	t.Helper()
	f, err := in.Begin(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// seat is the first node's, with its log and a connection from a client.
func seat(t *testing.T, in *Injector) (s *Seat, log, shared txlog.Log, node net.Conn, client net.Conn) {
	t.Helper()
	l := memlog.New(nil)
	shared, own := l.Shard("s"), l.Shard("s")
	s = in.Seat(first)
	log = s.Log(own)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	wrapped := s.Listener(ln)
	t.Cleanup(func() { wrapped.Close() })
	if client, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if node, err = wrapped.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return s, log, shared, node, client
}

func write(t *testing.T, log txlog.Log) txlog.Pos {
	t.Helper()
	pos, err := log.Append(log.Tail(), txlog.Entry{Kind: txlog.Data, Payload: []byte("x")})
	if err == nil {
		err = log.Wait(t.Context(), pos)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pos
}

// A node that is cut off knows of the log what it knew, can't write, and hears of everything when it is linked again.
func TestCutLog(t *testing.T) {
	in, c := injector(t)
	_, log, shared, _, _ := seat(t, in)
	pos := write(t, log)
	f := begun(t, in, Fault{Kind: Cut, Role: "", Node: first.Name})
	write(t, shared)
	if log.Durable() != pos || log.Tail() != pos || !errors.Is(log.Writable(), txlog.ErrUnavailable) {
		t.Errorf("cut off at %v, it knows of %v and %v: %v", pos, log.Durable(), log.Tail(), log.Writable())
	}
	if _, err := log.Append(pos+1, txlog.Entry{Kind: txlog.Data}); !errors.Is(err, txlog.ErrUnavailable) {
		t.Errorf("append: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	for what, err := range map[string]error{"wait": log.Wait(ctx, pos+1), "renew": log.Renew(ctx, 0)} {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", what, err)
		}
	}
	heard := make(chan error)
	go func() { heard <- log.Wait(t.Context(), pos+1) }()
	if _, err := in.Heal(t.Context(), f.ID); err != nil {
		t.Fatal(err)
	}
	if err := <-heard; err != nil || log.Durable() != pos+1 {
		t.Errorf("linked again: %v, durable %v", err, log.Durable())
	}
	if got := strings.Join(c.events, "; "); got != "Fault 1 began: cut of node c-0001-001; Fault 1 ended: cut of node c-0001-001" {
		t.Errorf("events: %s", got)
	}
}

// A node that is opened while it is cut off can't have caught up.
func TestNodeOpenedWhileCutOff(t *testing.T) {
	in, _ := injector(t)
	begun(t, in, Fault{Kind: Cut, Cluster: "c"})
	l := memlog.New(nil)
	pos := write(t, l.Shard("s"))
	if log := in.Seat(first).Log(l.Shard("s")); log.Durable() != pos {
		t.Errorf("durable is %v, want %v", log.Durable(), pos)
	}
}

// What is durable is heard of after the delay, in order, by whoever waits and by whoever asks.
func TestDelayedLog(t *testing.T) {
	in, _ := injector(t)
	_, log, shared, _, _ := seat(t, in)
	before := write(t, log)
	const delay = 30 * time.Millisecond
	f := begun(t, in, Fault{Kind: Delay, Zone: "a", Delay: Duration(delay), Jitter: Duration(time.Millisecond)})
	at := time.Now()
	pos := write(t, shared)
	if log.Durable() != before || log.Tail() != pos {
		t.Errorf("at once it has heard of %v, the tail is %v", log.Durable(), log.Tail())
	}
	if records, err := log.Read(t.Context(), before+1, 1000); err != nil || len(records) > 0 {
		t.Errorf("it reads %d records that it hasn't heard of, %v", len(records), err)
	}
	for range 3 { // whoever gives up and waits again doesn't wait longer
		ctx, cancel := context.WithTimeout(t.Context(), delay/10)
		if err := log.Wait(ctx, pos); !errors.Is(err, context.DeadlineExceeded) && time.Since(at) < delay {
			t.Errorf("heard after %v: %v", time.Since(at), err)
		}
		cancel()
	}
	if err := log.Wait(t.Context(), pos); err != nil || time.Since(at) < delay || log.Durable() != pos {
		t.Errorf("heard after %v: %v", time.Since(at), err)
	}
	if records, err := log.Read(t.Context(), before+1, 1000); err != nil || len(records) != 1 {
		t.Errorf("it reads %d records, %v", len(records), err)
	}
	pos = write(t, shared)
	if _, err := in.Heal(t.Context(), f.ID); err != nil || log.Durable() != pos {
		t.Errorf("healed: %v, durable %v, want %v", err, log.Durable(), pos)
	}
}

// A paused node reads nothing, writes nothing, and goes on where it was.
func TestPausedConnection(t *testing.T) {
	in, _ := injector(t)
	s, _, _, node, client := seat(t, in)
	f := begun(t, in, Fault{Kind: Pause, Region: "eu-west-1"})
	if !s.Paused() || s.Killed() {
		t.Fatal("it is not paused")
	}
	if _, err := client.Write([]byte("ask")); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		b := make([]byte, 10)
		n, _ := node.Read(b)
		read <- string(b[:n])
	}()
	select {
	case got := <-read:
		t.Errorf("a paused node reads %q", got)
	default:
	}
	if _, err := in.Heal(t.Context(), f.ID); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "ask" {
		t.Errorf("it reads %q", got)
	}
	// One that never goes on can be closed.
	begun(t, in, Fault{Kind: Pause, Region: "eu-west-1"})
	go func() {
		_, err := node.Write([]byte("answer"))
		read <- err.Error()
	}()
	s.Leave()
	if got := <-read; !strings.Contains(got, "closed") {
		t.Errorf("write of a node that is closed while it is paused: %s", got)
	}
}

// A killed node answers nothing any more, its log is closed, and its address is free at once.
func TestKilledNode(t *testing.T) {
	in, _ := injector(t)
	s, log, shared, node, client := seat(t, in)
	pos := write(t, log)
	f := begun(t, in, Fault{Kind: Kill, Shard: "0001", Duration: Duration(time.Hour)})
	if !s.Killed() || !in.Held(first) {
		t.Error("it lives")
	}
	if _, err := log.Append(pos, txlog.Entry{Kind: txlog.Data}); err == nil || shared.Tail() != pos {
		t.Errorf("it writes: %v", err)
	}
	if _, err := node.Write([]byte("answer")); err == nil {
		t.Error("it answers")
	}
	client.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := client.Read(make([]byte, 1)); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("its client reads %d bytes, %v", n, err)
	}
	ln, err := net.Listen("tcp", node.LocalAddr().String())
	if err != nil {
		t.Errorf("its address is not free: %v", err)
	} else {
		ln.Close()
	}
	if _, err := in.Heal(t.Context(), f.ID); err != nil || in.Held(first) || in.Seat(first).Killed() {
		t.Errorf("it can't be started again: %v", err)
	}
}

func TestRoleIsThatOfTheBeginning(t *testing.T) {
	in, _ := injector(t)
	s, _, _, _, _ := seat(t, in)
	if _, err := in.Begin(t.Context(), Fault{Kind: Pause, Role: "primary"}); err == nil {
		t.Error("nobody leads, and still a primary is found")
	}
	leads := true
	s.Runs(func() bool { return leads })
	f := begun(t, in, Fault{Kind: Pause, Role: "primary"})
	leads = false
	if !s.Paused() || len(f.Nodes) != 1 {
		t.Errorf("the fault hits %v", f.Nodes)
	}
}

func TestClock(t *testing.T) {
	in, _ := injector(t)
	s := in.Seat(first)
	at := time.Now()
	now := s.Now(func() time.Time { return at })
	begun(t, in, Fault{Kind: Clock, Cluster: "c", Offset: Duration(-time.Hour)})
	if got := at.Sub(now()); got != time.Hour {
		t.Errorf("the clock is %v slow", got)
	}
}

// Each zone's folder fails by itself.
func TestDisks(t *testing.T) {
	in, _ := injector(t)
	fs := in.FS()
	told := ""
	in.cfg.ZoneOut = func(zone string, err error) { told += zone }
	a, b := in.fs.disks[0].dir, in.fs.disks[1].dir
	for _, dir := range []string{a, b} {
		if err := fs.MkdirAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	f, err := fs.Open(a+"/f", true)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	use := func() error {
		_, err := f.WriteAt([]byte("x"), 0)
		return err
	}
	full := begun(t, in, Fault{Kind: Full, Zone: "a", Mode: ModeWrite})
	if free, err := fs.Free(a); free != 0 || err != nil || !errors.Is(use(), syscall.ENOSPC) {
		t.Errorf("a full disk has %d bytes free, %v; write: %v", free, err, use())
	}
	outage := begun(t, in, Fault{Kind: Outage, Zone: "eu-west-1a"})
	_, opened := fs.Open(a+"/f", false)
	for what, err := range map[string]error{"write": use(), "sync": f.Sync(), "open": opened, "make": fs.MkdirAll(a), "sync of the folder": fs.SyncDir(a), "remove": fs.Remove(a + "/f")} {
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("%s in a zone that is out: %v", what, err)
		}
	}
	if told != "a" {
		t.Errorf("told of zones %q", told)
	}
	if _, err := fs.Free(b); err != nil {
		t.Errorf("zone b: %v", err)
	}
	for _, f := range []Fault{full, outage} {
		if _, err := in.Heal(t.Context(), f.ID); err != nil {
			t.Fatal(err)
		}
	}
	if free, err := fs.Free(a); err != nil || free == 0 || use() != nil {
		t.Errorf("healed: %d bytes free, %v, %v", free, err, use())
	}
}

func TestFaultsEndByThemselves(t *testing.T) {
	in, _ := injector(t)
	s := in.Seat(first)
	begun(t, in, Fault{Kind: Pause, Cluster: "c", Duration: Duration(10 * time.Millisecond)})
	for s.Paused() {
		<-s.state.Load().over
	}
	begun(t, in, Fault{Kind: Pause, Cluster: "c", Duration: Duration(time.Hour)}) // Close does not wait for it
}

// The API refuses with JSON of its own, says what is allowed, and takes nothing that a web page could send.
func TestAPI(t *testing.T) {
	in, _ := injector(t)
	serve := func(in *Injector) *httptest.Server {
		e := echo.New()
		Routes(e.Group("/_faults"), in)
		srv := httptest.NewServer(e)
		t.Cleanup(srv.Close)
		return srv
	}
	on, off := serve(in), serve(nil)
	const json = "application/json"
	for _, test := range []struct {
		srv                     *httptest.Server
		method, path, mime, say string
		status                  int
		want                    string
	}{
		{on, "POST", "", json, `{"kind":"pause","cluster":"c","duration":3600}`, 201, `"id":"1","kind":"pause","cluster":"c","duration":"1h0m0s","began":"20`},
		{on, "GET", "", "", "", 200, `{"faults":[{"id":"1","kind":"pause"`},
		{on, "POST", "", "text/plain", `{"kind":"pause","cluster":"c"}`, 415, "application/json"},
		{on, "POST", "", json, `{"kind":"pause","clustr":"c"}`, 400, "unknown field"},
		{on, "POST", "", json, `{"kind":"flood"}`, 400, `{"error":{"message":"The kind \"flood\" is unknown.","allowed":["kill","pause","cut","delay","outage","full","clock"]}}`},
		{on, "POST", "", json, `{"kind":"pause","cluster":"d"}`, 404, `"allowed":["c"]`},
		{on, "POST", "", json, `{"kind":"kill","cluster":"c","zone":"c"}`, 404, "hit no node"},
		{on, "POST", "", json, `{"kind":"pause","cluster":"c","duration":"-1s"}`, 400, "negative"},
		{on, "POST", "", json, `{"kind":"pause","cluster":"c","mode":"kill"}`, 400, "takes no mode"},
		{on, "POST", "", json, `{"kind":"full","zone":"a","mode":"kill"}`, 400, `"allowed":["watermark","write"]`},
		{on, "POST", "", json, ``, 400, "not the JSON of a fault"},
		{on, "DELETE", "/7", "", "", 404, "There is no fault"},
		{on, "DELETE", "/1", "", "", 200, `"id":"1"`},
		{on, "DELETE", "", "", "", 200, `{"faults":[]}`},
		{off, "GET", "", "", "", 403, "--faults"},
		{off, "POST", "", json, `{"kind":"kill","cluster":"c"}`, 403, "--faults"},
		{off, "DELETE", "/1", "", "", 403, "--faults"},
	} {
		r, err := http.NewRequest(test.method, test.srv.URL+"/_faults"+test.path, bytes.NewReader([]byte(test.say)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", test.mime)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != test.status || !strings.Contains(string(body), test.want) {
			t.Errorf("%s %s %s: %d %s, want %d %s", test.method, test.path, test.say, resp.StatusCode, body, test.status, test.want)
		}
	}
}

// Without an injector nothing is in the way.
func TestOff(t *testing.T) {
	var in *Injector
	s := in.Seat(first)
	log := memlog.New(nil).Shard("s")
	if s.Log(log) != log || s.Paused() || s.Cut() || s.Killed() || in.Held(first) || len(in.List()) > 0 {
		t.Error("a fault without an injector")
	}
	s.Runs(nil)
	s.Kill()
	s.Leave()
	in.Close()
}
