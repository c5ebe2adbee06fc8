package script

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	glua "github.com/yuin/gopher-lua"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/script/lua"
)

// libraries are the function libraries of a keyspace. They hang on it, so that they come and go with it.
type libraries struct {
	byName    map[string]*library // by fold of the name, as all such maps
	functions map[string]*function
	state     *lua.State // where the functions live
}

// library is one of them.
type library struct {
	name, code string
	functions  map[string]*function
}

// function is a function that a library has registered.
type function struct {
	name        string
	description *string
	flags       flags
	callback    *glua.LFunction
	library     *library
}

// libsOf are the libraries of a keyspace.
func (e *Engine) libsOf(db *keyspace.DB) *libraries {
	if l, ok := db.Beside.(*libraries); ok {
		return l
	}
	l := &libraries{byName: map[string]*library{}, functions: map[string]*function{}}
	db.Beside = l
	return l
}

// beside is the name under which calls wait for each other's changes of libraries.
var beside = []byte("\x00functions")

// changed tells that a call has changed the libraries, and logs its words.
func (e *Engine) changed(c *command.Call, l *libraries) {
	e.count(l)
	c.ChangedBeside(beside)
	c.Propagate(c.Argv...)
}

// count notes what INFO tells of the libraries.
func (e *Engine) count(l *libraries) {
	e.libs.Store(int64(len(l.byName)))
	e.fnCount.Store(int64(len(l.functions)))
	bytes := 0
	for _, lib := range l.byName {
		bytes += len(lib.code)
	}
	e.fnBytes.Store(int64(bytes))
	declared := make(map[string]flags, len(l.functions))
	for name, f := range l.functions {
		declared[name] = f.flags
	}
	e.declared.Store(&declared)
}

func (l *libraries) link(lib *library) {
	l.byName[fold(lib.name)] = lib
	maps.Copy(l.functions, lib.functions)
}

func (l *libraries) unlink(lib *library) {
	delete(l.byName, fold(lib.name))
	for name := range lib.functions {
		delete(l.functions, name)
	}
}

// sorted are the libraries in the order of their names.
func (l *libraries) sorted() []*library {
	return slices.SortedFunc(maps.Values(l.byName), func(a, b *library) int { return strings.Compare(a.name, b.name) })
}

// Libraries are the codes of the libraries of a keyspace, in the order of their names.
func (e *Engine) Libraries(db *keyspace.DB) []string {
	var codes []string
	for _, lib := range e.libsOf(db).sorted() {
		codes = append(codes, lib.code)
	}
	return codes
}

// LoadLibrary adds a library to a keyspace that nobody uses yet, as a snapshot is read. The node's own keyspace changes by FUNCTION LOAD only.
func (e *Engine) LoadLibrary(db *keyspace.DB, code string) error {
	l := e.libsOf(db)
	if _, err := e.create(l, code, false, true); err != nil {
		return fmt.Errorf("load a function library: %w", err)
	}
	e.count(l)
	return nil
}

// Trial is a function that loads libraries beside those of any keyspace, one after the other, and says what is wrong with one: they may run as long as those of FUNCTION LOAD.
// It is for one goroutine; the node's own libraries stay as they are.
func (e *Engine) Trial() func(code string) error {
	l := &libraries{byName: map[string]*library{}, functions: map[string]*function{}}
	return func(code string) error {
		_, err := e.create(l, code, false, false)
		return err
	}
}

const errName = "names can only contain letters, numbers, or underscores(_) and must be at least one character long"

func validName(name string) bool {
	for _, c := range []byte(name) {
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return name != ""
}

// metadata reads a library's first line, #!lua name=x, and what follows it.
func metadata(code string) (name, rest string, err error) {
	if !strings.HasPrefix(code, "#!") {
		return "", "", resp.Error("ERR Missing library metadata")
	}
	line, _, found := strings.Cut(code, "\n")
	words, ok := splitArgs(line)
	if !found || !ok {
		return "", "", resp.Error("ERR Invalid library metadata")
	}
	named := false
	for _, w := range words[1:] {
		const key = "name="
		if len(w) < len(key) || !strings.EqualFold(w[:len(key)], key) {
			return "", "", resp.Errorf("ERR Invalid metadata value given: %s", w)
		}
		if named {
			return "", "", resp.Error("ERR Invalid metadata value, name argument was given multiple times")
		}
		name, named = w[len(key):], true
	}
	switch engine := words[0][2:]; {
	case !named:
		return "", "", resp.Error("ERR Library name was not given")
	case !validName(name):
		return "", "", resp.Error("ERR Library " + errName)
	case engine != "lua" && !strings.EqualFold(engine, "lua"):
		return "", "", resp.Errorf("ERR Engine '%s' not found", engine)
	}
	return name, code[len(line):], nil
}

// create runs a library's code and links what it registers. If it fails nothing has changed.
func (e *Engine) create(l *libraries, code string, replace, replayed bool) (*library, error) {
	name, body, err := metadata(code)
	if err != nil {
		return nil, err
	}
	old := l.byName[fold(name)]
	if old != nil && !replace {
		return nil, resp.Errorf("ERR Library '%s' already exists", name)
	}
	lib := &library{name: name, code: code, functions: map[string]*function{}}
	if l.state == nil {
		l.state = e.newFunctionState()
	}
	if err := e.register(l.state, lib, body, replayed); err != nil {
		return nil, err
	}
	if len(lib.functions) == 0 {
		return nil, resp.Error("ERR No functions registered")
	}
	for name, f := range lib.functions {
		if other := l.functions[name]; other != nil && other.library != old {
			return nil, resp.Errorf("ERR Function %s already exists", f.name)
		}
	}
	if old != nil {
		l.unlink(old)
	}
	l.link(lib)
	return lib, nil
}

// loadTime is how long a library's code may run when it is loaded, as in Redis.
const loadTime = 500 * time.Millisecond

var errLoadTimeout = errors.New("FUNCTION LOAD timeout") //nolint:staticcheck // Redis's words

// loading is a library whose code runs, which its calls of redis.register_function find.
const loadingKey = "loading"

// register runs a library's code. A replica that replays it doesn't look at the clock.
func (e *Engine) register(s *lua.State, lib *library, body string, replayed bool) error {
	proto, err := lua.Compile(body, "user_function")
	if err != nil {
		return resp.Errorf("ERR Error compiling function: %s", err.Error())
	}
	ud := s.NewUserData()
	ud.Value = lib
	registryOf(s.LState).RawSetString(loadingKey, ud)
	defer registryOf(s.LState).RawSetString(loadingKey, glua.LNil)
	begun := e.cfg.Now()
	s.Guard.Memory = MemoryLimit
	s.Guard.Check = func() error {
		if !replayed && e.cfg.Now().Sub(begun) > loadTime {
			return errLoadTimeout
		}
		return nil
	}
	s.Guard.Begin()
	s.SetTop(0)
	s.Push(s.Load(proto))
	s.Restrict(e.loadView(s))
	defer s.Restrict(nil)
	if err := s.PCall(0, 0, nil); err != nil {
		s.SetTop(0)
		return resp.Errorf("ERR Error registering functions: %s", oneLine(message(lua.ErrorValue(err))))
	}
	return nil
}

// message is the text of what a script was ended with.
func message(v glua.LValue) string {
	t, ok := v.(*glua.LTable)
	if !ok {
		return "ERR " + v.String()
	}
	return t.RawGetString("err").String()
}

// newFunctionState is an interpreter for functions.
func (e *Engine) newFunctionState() *lua.State {
	s := lua.NewState()
	t := baseAPI(s, e)
	for name, fn := range map[string]glua.LGFunction{
		"call": e.callCommand, "pcall": e.pcallCommand, "setresp": setResp, "set_repl": setRepl, "acl_check_cmd": e.aclCheck,
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

// loadView is what a library's code sees while it is loaded: of redis only what registers and logs.
func (e *Engine) loadView(s *lua.State) *glua.LTable {
	api := baseAPI(s, e)
	for _, name := range []string{"sha1hex", "error_reply", "status_reply"} {
		api.RawSetString(name, glua.LNil)
	}
	api.RawSetString("register_function", s.NewFunction(registerFunction))
	api.Metatable = s.Missing()
	view := s.NewTable()
	view.RawSetString("redis", s.ReadOnly(api))
	return view
}

// registerFunction is redis.register_function, with a name and a function, or with a table of named arguments.
func registerFunction(l *glua.LState) int {
	ud, ok := registryOf(l).RawGetString(loadingKey).(*glua.LUserData)
	if !ok {
		raise(l, "redis.register_function can only be called on FUNCTION LOAD command")
		return 0
	}
	lib, ok := ud.Value.(*library)
	if !ok {
		panic("script: what is being loaded is no library")
	}
	f := &function{library: lib}
	wrong := ""
	switch l.GetTop() {
	case 1:
		wrong = f.named(l)
	case 2:
		wrong = f.positional(l)
	default:
		wrong = "wrong number of arguments to redis.register_function"
	}
	switch {
	case wrong != "":
	case !validName(f.name):
		wrong = "Library " + errName // Redis's words, though it is a function's name
	case lib.functions[fold(f.name)] != nil:
		wrong = "Function already exists in the library"
	}
	if wrong != "" {
		raise(l, wrong)
	}
	lib.functions[fold(f.name)] = f
	return 0
}

func (f *function) positional(l *glua.LState) string {
	name, ok := text(l.Get(1))
	if !ok {
		return "first argument to redis.register_function must be a string"
	}
	callback, ok := l.Get(2).(*glua.LFunction)
	if !ok {
		return "second argument to redis.register_function must be a function"
	}
	f.name, f.callback = name, callback
	return ""
}

// text is a string, or a number as one.
func text(v glua.LValue) (string, bool) {
	switch v := v.(type) {
	case glua.LString:
		return string(v), true
	case glua.LNumber:
		return lua.Number(float64(v)), true
	}
	return "", false
}

func (f *function) named(l *glua.LState) (wrong string) {
	t, ok := l.Get(1).(*glua.LTable)
	if !ok {
		return "calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments)."
	}
	named := false
	t.ForEach(func(key, v glua.LValue) {
		if wrong != "" {
			return
		}
		name, ok := key.(glua.LString)
		if !ok {
			wrong = "named argument key given to redis.register_function is not a string"
			return
		}
		text, isText := text(v)
		switch strings.ToLower(string(name)) {
		case "function_name":
			if f.name, named = text, true; !isText {
				wrong = "function_name argument given to redis.register_function must be a string"
			}
		case "description":
			if f.description = &text; !isText {
				wrong = "description argument given to redis.register_function must be a string"
			}
		case "callback":
			if f.callback, ok = v.(*glua.LFunction); !ok {
				wrong = "callback argument given to redis.register_function must be a function"
			}
		case "flags":
			list, ok := v.(*glua.LTable)
			if !ok {
				wrong = "flags argument to redis.register_function must be a table representing function flags"
				return
			}
			wrong = f.readFlags(list)
		default:
			wrong = "unknown argument given to redis.register_function"
		}
	})
	switch {
	case wrong != "":
		return wrong
	case !named:
		return "redis.register_function must get a function name argument"
	case f.callback == nil:
		return "redis.register_function must get a callback argument"
	}
	return ""
}

func (f *function) readFlags(list *glua.LTable) string {
	for i := 1; list.RawGetInt(i) != glua.LNil; i++ {
		name, ok := list.RawGetInt(i).(glua.LString)
		flag, known := flagOf(strings.ToLower(string(name)))
		if !ok || !known {
			return "unknown flag given"
		}
		f.flags |= flag
	}
	return ""
}

// asError is the error reply that an error is, if it is one.
func asError(err error) (resp.Error, bool) {
	var e resp.Error
	if errors.As(err, &e) {
		return e, true
	}
	return resp.Error(fmt.Sprintf("ERR %v", err)), false
}
