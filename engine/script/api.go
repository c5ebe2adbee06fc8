package script

import (
	"log/slog"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/script/lua"
	"github.com/openmemorydb/memorydb/engine/slot"
)

func slotOf(key []byte) uint16 { return slot.Of(key) }

// runKey is where a state keeps its run, out of the reach of scripts.
const runKey = "run"

// current makes r what a state's functions act for; nil is nothing.
func current(s *lua.State, r *run) {
	registry := registryOf(s.LState)
	if r == nil {
		registry.RawSetString(runKey, glua.LNil)
		return
	}
	ud := s.NewUserData()
	ud.Value = r
	registry.RawSetString(runKey, ud)
}

func registryOf(l *glua.LState) *glua.LTable {
	t, ok := l.Get(glua.RegistryIndex).(*glua.LTable)
	if !ok {
		panic("script: a state has no registry")
	}
	return t
}

// runOf is the run that a function is called in; it raises an error if there is none.
func runOf(l *glua.LState, what string) *run {
	if ud, ok := registryOf(l).RawGetString(runKey).(*glua.LUserData); ok {
		if r, ok := ud.Value.(*run); ok {
			return r
		}
	}
	raise(l, what+" can only be called inside a script invocation")
	return nil
}

// raise ends the script with an error table. text begins with a code after '-', else the code is ERR.
func raise(l *glua.LState, text string) { l.Error(errorTable(l, text), 1) }

func errorTable(l *glua.LState, text string) *glua.LTable {
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		if !strings.Contains(rest, " ") {
			rest = "ERR " + rest
		}
		text = rest
	} else {
		text = "ERR " + text
	}
	return single(l, "err", glua.LString(strings.Trim(text, "\r\n")))
}

// newState is an interpreter for scripts.
func (e *Engine) newState() *lua.State {
	s := lua.NewState()
	t := baseAPI(s, e)
	for name, fn := range map[string]glua.LGFunction{
		"call": e.callCommand, "pcall": e.pcallCommand, "setresp": setResp, "set_repl": setRepl, "acl_check_cmd": e.aclCheck,
		"replicate_commands": func(l *glua.LState) int { l.Push(glua.LTrue); return 1 },
		"breakpoint":         func(l *glua.LState) int { l.Push(glua.LFalse); return 1 },
		"debug":              func(*glua.LState) int { return 0 },
	} {
		t.RawSetString(name, s.NewFunction(fn))
	}
	for name, n := range map[string]int{"REPL_NONE": 0, "REPL_AOF": 1, "REPL_SLAVE": 2, "REPL_REPLICA": 2, "REPL_ALL": 3} {
		t.RawSetString(name, glua.LNumber(n))
	}
	s.SetGlobalValue("redis", t)
	s.Caught = caught
	s.Lock()
	return s
}

// caught makes the error of redis.call the text that it was before Redis 7 where pcall has caught it.
func caught(v glua.LValue) glua.LValue {
	if t, ok := v.(*glua.LTable); ok {
		if text, ok := t.RawGetString("err").(glua.LString); ok {
			return text
		}
	}
	return v
}

// baseAPI is the part of redis that scripts, functions and library code share.
func baseAPI(s *lua.State, e *Engine) *glua.LTable {
	t := s.NewTable()
	for name, fn := range map[string]glua.LGFunction{
		"log": e.log, "sha1hex": sha1Hex,
		"error_reply":  func(l *glua.LState) int { return errorReply(l) },
		"status_reply": func(l *glua.LState) int { return fieldReply(l, "ok") },
	} {
		t.RawSetString(name, s.NewFunction(fn))
	}
	for name, n := range map[string]int{"LOG_DEBUG": 0, "LOG_VERBOSE": 1, "LOG_NOTICE": 2, "LOG_WARNING": 3} {
		t.RawSetString(name, glua.LNumber(n))
	}
	t.RawSetString("REDIS_VERSION", glua.LString(version))
	t.RawSetString("REDIS_VERSION_NUM", glua.LNumber(versionNumber))
	return t
}

// The version of Redis that scripts are told.
const (
	version       = "7.0.15"
	versionNumber = 0x0007000f
)

// argv are the arguments of redis.call as the words of a request.
func argv(l *glua.LState) ([][]byte, string) {
	n := l.GetTop()
	if n == 0 {
		return nil, "Please specify at least one argument for this redis lib call"
	}
	words := make([][]byte, n)
	for i := range n {
		switch v := l.Get(i + 1).(type) {
		case glua.LString:
			words[i] = []byte(v)
		case glua.LNumber:
			words[i] = numberWord(float64(v))
		default:
			return nil, "Lua redis lib command arguments must be strings or integers"
		}
	}
	return words, ""
}

// numberWord is a number as a command's word: C's %.17g.
func numberWord(f float64) []byte {
	if f == float64(int64(f)) && f < 1e17 && f > -1e17 && f != 0 {
		return strconv.AppendInt(nil, int64(f), 10)
	}
	return []byte(lua.General(f, 17))
}

func (e *Engine) callCommand(l *glua.LState) int  { return e.command(l, true) }
func (e *Engine) pcallCommand(l *glua.LState) int { return e.command(l, false) }

// command executes a request for a script. What is wrong with it is raised by redis.call, and returned by redis.pcall.
func (e *Engine) command(l *glua.LState, raised bool) int {
	r := runOf(l, "redis.call/pcall")
	words, wrong := argv(l)
	if wrong == "" {
		v, refusal := r.execute(l, words)
		if refusal == "" {
			if t, ok := v.(*glua.LTable); ok && raised && t.RawGetString("err") != glua.LNil {
				l.Error(t, 1)
			}
			l.Push(v)
			return 1
		}
		wrong = refusal
	}
	t := errorTable(l, wrong)
	t.RawSetString("ignore_error_stats_update", glua.LTrue)
	if raised {
		l.Error(t, 1)
	}
	l.Push(t)
	return 1
}

// execute asks whether a request may be executed, in the order and words of Redis, and executes it.
func (r *run) execute(l *glua.LState, words [][]byte) (glua.LValue, string) {
	cfg := &r.e.cfg
	row, err := cfg.Table().Lookup(words)
	switch {
	case row == nil:
		return nil, "Unknown Redis command called from script"
	case err != nil:
		return nil, "Wrong number of args calling Redis command from script"
	case row.Is(command.NoScript) && !r.e.anyScript.Load():
		return nil, "This Redis command is not allowed from script"
	}
	if err := cfg.Permitted(r.call.Client, row, words); err != nil {
		return nil, "The user executing the script " + err.Error()
	}
	write := row.Is(command.Write)
	switch {
	case r.readOnly && row.Any(command.Write|command.MayReplicate):
		return nil, "Write commands are not allowed from read-only scripts."
	case write && !r.wrote.Load() && !cfg.Primary():
		return nil, "-" + string(resp.ErrReadOnly)
	case write && !r.wrote.Load() && cfg.EnoughReplicas() != nil:
		return nil, "-" + cfg.EnoughReplicas().Error()
	case !r.anyOOM && !r.wrote.Load() && r.short && row.Is(command.DenyOOM):
		return nil, "-" + string(resp.ErrOOM)
	}
	if write {
		r.wrote.Store(true)
	}
	if refusal := r.keysServed(row, words); refusal != "" {
		return nil, refusal
	}
	r.reply.Reset(1 << 16)
	r.reply.Proto = r.proto
	begun := cfg.Now()
	err = r.call.Do(row, words, &r.reply)
	if err != nil {
		r.reply.Error(r.e.wireError(row, err))
	}
	cfg.Called(r.call.Client, row, words, cfg.Now().Sub(begun), err != nil)
	return (&reader{l, r.reply.Bytes()}).value(), ""
}

func (e *Engine) wireError(row *command.Spec, err error) resp.Error {
	if refusal, ok := asError(err); ok {
		return refusal
	}
	e.cfg.Logger.Error("command failed in a script", "cmd", row.FullName, "err", err)
	return resp.ErrInternal
}

// keysServed says what is wrong with the keys of a request: they must be this node's, and of one slot.
func (r *run) keysServed(row *command.Spec, words [][]byte) string {
	if len(row.Keys) == 0 {
		return ""
	}
	keys, err := row.KeysOf(words, nil)
	if err != nil || len(keys) == 0 {
		return ""
	}
	at := slotOf(words[keys[0].Index])
	for _, k := range keys[1:] {
		if slotOf(words[k.Index]) != at {
			return "Script attempted to access a non local key in a cluster node"
		}
	}
	if !r.e.cfg.Local(r.call.Client, at, row.Is(command.Write)) {
		return "Script attempted to access a non local key in a cluster node"
	}
	if !r.crossSlot {
		if r.slot >= 0 && r.slot != int(at) {
			return "Script attempted to access keys that do not hash to the same slot"
		}
		r.slot = int(at)
	}
	return ""
}

func (e *Engine) aclCheck(l *glua.LState) int {
	r := runOf(l, "redis.acl_check_cmd")
	words, wrong := argv(l)
	if wrong != "" {
		raise(l, wrong)
	}
	row, _ := e.cfg.Table().Lookup(words)
	if row == nil {
		raise(l, "Invalid command passed to redis.acl_check_cmd()")
	}
	l.Push(glua.LBool(e.cfg.Allowed(r.call.Client, row, words)))
	return 1
}

func setResp(l *glua.LState) int {
	r := runOf(l, "redis.setresp")
	if l.GetTop() != 1 {
		raise(l, "redis.setresp() requires one argument.")
	}
	n, ok := l.Get(1).(glua.LNumber)
	if !ok || n != 2 && n != 3 {
		raise(l, "RESP version must be 2 or 3.")
	}
	r.proto = int(n)
	return 0
}

// setRepl checks its argument. What a script writes is always logged: in Redis, REPL_NONE lets replicas and the AOF differ from the primary.
func setRepl(l *glua.LState) int {
	runOf(l, "redis.set_repl")
	if l.GetTop() != 1 {
		raise(l, "redis.set_repl() requires two arguments.")
	}
	n, ok := l.Get(1).(glua.LNumber)
	if ok && int(n)&^3 != 0 {
		raise(l, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.")
	}
	if !ok || n != 3 {
		raise(l, "redis.set_repl() can only be REPL_ALL: every write is in the transaction log.")
	}
	return 0
}

var levels = []slog.Level{slog.LevelDebug, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn}

func (e *Engine) log(l *glua.LState) int {
	if l.GetTop() < 2 {
		raise(l, "redis.log() requires two arguments or more.")
	}
	level, ok := l.Get(1).(glua.LNumber)
	if !ok {
		raise(l, "First argument must be a number (log level).")
	}
	if level < 0 || level > 3 {
		raise(l, "Invalid debug level.")
	}
	var words []string
	for i := 2; i <= l.GetTop(); i++ {
		if v := l.Get(i); v.Type() == glua.LTString || v.Type() == glua.LTNumber {
			words = append(words, v.String())
		}
	}
	e.cfg.Logger.Log(l.Context(), levels[int(level)], "script", "text", strings.Join(words, " "))
	return 0
}

func sha1Hex(l *glua.LState) int {
	if l.GetTop() != 1 {
		raise(l, "wrong number of arguments")
	}
	text := ""
	switch v := l.Get(1).(type) {
	case glua.LString:
		text = string(v)
	case glua.LNumber:
		text = lua.Number(float64(v))
	}
	l.Push(glua.LString(shaOf(text)))
	return 1
}

func fieldReply(l *glua.LState, field string) int {
	s, ok := l.Get(1).(glua.LString)
	if l.GetTop() != 1 || !ok {
		l.Push(errorTable(l, "wrong number or type of arguments"))
		return 1
	}
	l.Push(single(l, field, s))
	return 1
}

// errorReply makes an error table; a text without a code gets ERR.
func errorReply(l *glua.LState) int {
	s, ok := l.Get(1).(glua.LString)
	if l.GetTop() != 1 || !ok {
		l.Push(errorTable(l, "wrong number or type of arguments"))
		return 1
	}
	l.Push(errorTable(l, "-"+strings.TrimPrefix(string(s), "-")))
	return 1
}
