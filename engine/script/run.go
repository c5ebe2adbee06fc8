package script

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	glua "github.com/yuin/gopher-lua"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/script/lua"
)

// keysOf is keysAt with Redis's note on the flags, which not all of its commands have.
func keysOf(f command.KeyFlags) []command.KeySpec {
	k := keysAt(f)
	k[0].Notes = "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"
	if f&command.RO != 0 {
		k[0].Notes = "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"
	}
	return k
}

// keysAt are the keys of EVAL and FCALL.
func keysAt(f command.KeyFlags) []command.KeySpec {
	return []command.KeySpec{{Flags: f, Begin: 2, KeyNum: true, NumIndex: 0, First: 1}}
}

// run is one execution of a script or function.
type run struct {
	e     *Engine
	call  *command.Call
	state *lua.State
	name  string // of the script, its SHA-1, or of the function
	kind  kind

	readOnly, anyOOM, crossSlot bool
	short                       bool // memory was short when it began
	proto                       int  // what its commands reply in
	slot                        int  // of the keys that it may touch; -1 if none is known yet
	reply                       resp.Writer

	begun  time.Time
	yieldd time.Time
	wrote  atomic.Bool // read by SCRIPT KILL
	killed atomic.Bool
}

// kind says whether a script runs or a function.
type kind uint8

const (
	ofScript kind = iota
	ofFunction
)

// prepare makes a run, or says why it may not be.
func (e *Engine) prepare(c *command.Call, name string, k kind, f flags, readOnly bool) (*run, error) {
	r := &run{e: e, call: c, name: name, kind: k, proto: 2, slot: -1, begun: e.cfg.Now(), short: e.cfg.Short()}
	if !f.has(compat) {
		switch {
		case f.has(noCluster):
			return nil, resp.Error("ERR Can not run script on cluster, 'no-cluster' flag is set.")
		case !f.has(noWrites) && !e.cfg.Primary():
			return nil, resp.Error("READONLY Can not run script with write flag on readonly replica")
		case !f.has(noWrites) && readOnly:
			return nil, resp.Error("ERR Can not execute a script with write flag using *_ro command.")
		case !f.has(noWrites) && e.cfg.EnoughReplicas() != nil:
			return nil, e.cfg.EnoughReplicas()
		case r.short && !f.has(allowOOM|noWrites):
			return nil, resp.Error("OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'")
		}
	}
	r.readOnly = readOnly || !f.has(compat) && f.has(noWrites)
	r.anyOOM = !f.has(compat) && f.has(allowOOM)
	r.crossSlot = f.has(compat | allowCrossSlot)
	if keys, err := c.Keys(); err == nil && len(keys) > 0 {
		r.slot = int(slotOf(c.Argv[keys[0].Index]))
	}
	return r, nil
}

// runScript executes a cached script.
func (e *Engine) runScript(c *command.Call, s *script, keys, args [][]byte, readOnly bool) error {
	r, err := e.prepare(c, s.sha, ofScript, s.flags, readOnly)
	if err != nil {
		return err
	}
	if e.state == nil {
		e.state = e.newState()
	}
	r.state = e.state
	r.state.SetGlobalValue("KEYS", words(r.state, keys))
	r.state.SetGlobalValue("ARGV", words(r.state, args))
	return r.do(r.state.Load(s.proto))
}

// words makes a table of words.
func words(s *lua.State, all [][]byte) *glua.LTable {
	t := s.CreateTable(len(all), 0)
	for i, w := range all {
		t.RawSetInt(i+1, glua.LString(w))
	}
	return t
}

// do calls the function and replies with what it returns. Effects of a script that fails stay, as in Redis.
func (r *run) do(fn *glua.LFunction, args ...glua.LValue) error {
	s := r.state
	r.e.cfg.Begins(r.call.Client, r.call.Argv)
	r.e.running.Store(r)
	current(s, r)
	s.Guard.Check, s.Guard.Memory = r.check, MemoryLimit
	s.Guard.Begin()
	defer func() {
		r.e.running.Store(nil)
		current(s, nil)
	}()
	s.SetTop(0)
	s.Push(fn)
	for _, a := range args {
		s.Push(a)
	}
	err := s.PCall(len(args), 1, s.NewFunction(handler))
	if err != nil {
		return r.failed(err)
	}
	v := s.Get(-1)
	s.SetTop(0)
	if err := r.answer(v, 0); err != nil {
		return err
	}
	return nil
}

// handler is called where a script has failed: it makes the error a table that tells where that was, as Redis's does.
func handler(l *glua.LState) int {
	t, ok := l.Get(1).(*glua.LTable)
	if !ok {
		t = l.NewTable()
		text := "nil"
		switch v := l.Get(1).(type) {
		case glua.LString, glua.LNumber:
			text = lua.Reword(v.String())
		case *glua.LNilType:
		default:
			text = v.String()
		}
		t.RawSetString("err", glua.LString("ERR "+text))
	}
	for level := 0; ; level++ {
		dbg, ok := l.GetStack(level)
		if !ok {
			break
		}
		if _, err := l.GetInfo("Sl", dbg, glua.LNil); err == nil && dbg.CurrentLine > 0 {
			t.RawSetString("source", glua.LString("@"+dbg.Source))
			t.RawSetString("line", glua.LNumber(lua.Line(dbg.CurrentLine)))
			break
		}
	}
	l.Push(t)
	return 1
}

// failed is the error reply of a script that has ended with an error.
func (r *run) failed(err error) error {
	r.state.SetTop(0)
	var api *glua.ApiError
	if !errors.As(err, &api) {
		return resp.Errorf("ERR Error running script %s, %.100s", r.name, err.Error())
	}
	t, ok := api.Object.(*glua.LTable)
	if !ok { // where memory or the stack is short, the handler did not run
		return resp.Errorf("ERR %s script: %s", oneLine(lua.ErrorValue(err).String()), r.name)
	}
	text := "ERR unknown error"
	if s, ok := t.RawGetString("err").(glua.LString); ok {
		text = string(s)
	}
	source, line := t.RawGetString("source"), t.RawGetString("line")
	if source != glua.LNil && line != glua.LNil {
		text += fmt.Sprintf(" script: %s, on %s:%s.", r.name, source.String(), line.String())
	}
	return resp.Error(oneLine(text))
}

// oneLine makes a text fit into an error or status reply.
func oneLine(s string) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(s)
}

// yieldEvery is how often a script that runs for too long lets others be refused.
const yieldEvery = 5 * time.Millisecond

var errKilled = map[kind]error{
	ofScript:   errors.New("Script killed by user with SCRIPT KILL..."), //nolint:staticcheck // Redis's words
	ofFunction: errors.New("Script killed by user with FUNCTION KILL..."),
}

// check is asked by the interpreter every now and then.
func (r *run) check() error {
	threshold := r.e.cfg.Threshold()
	if threshold <= 0 {
		return nil
	}
	now := r.e.cfg.Now()
	if now.Sub(r.begun) < threshold || now.Sub(r.yieldd) < yieldEvery {
		return nil
	}
	if r.yieldd.IsZero() {
		r.e.cfg.Logger.Warn("slow script: others are refused until it ends, or is killed", "script", r.name, "took", now.Sub(r.begun))
	}
	r.yieldd = now
	if err := r.e.cfg.Yield(r.busy()); err != nil {
		return err
	}
	if r.killed.Load() {
		return errKilled[ofScript]
	}
	return nil
}

func (r *run) busy() resp.Error {
	if r.kind == ofFunction {
		return errBusyFunction
	}
	return errBusyScript
}

// kill ends the script that runs (SCRIPT KILL), or the function (FUNCTION KILL).
func (e *Engine) kill(c *command.Call, function bool) error {
	r := e.running.Load()
	switch {
	case r == nil:
		return resp.Error("NOTBUSY No scripts in execution right now.")
	case r.wrote.Load():
		return resp.Error("UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server " +
			"in a hard way using the SHUTDOWN NOSAVE command.")
	case function != (r.kind == ofFunction):
		return r.busy()
	}
	r.killed.Store(true)
	c.Reply.OK()
	return nil
}
