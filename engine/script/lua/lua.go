// Package lua is Lua 5.1 as Redis's scripts know it, on gopher-lua's virtual machine.
//
// gopher-lua is used as it is served. Where it differs from PUC Lua 5.1, or lets a script take the process down, this package stands between: it rewrites the syntax tree
// (concatenation, number literals), replaces the libraries by its own, and looks after time and memory while a script runs (see Guard).
package lua

import (
	"errors"
	"fmt"
	"strings"

	glua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// Proto is a compiled chunk. It may be used by several States at once.
type Proto struct{ proto *glua.FunctionProto }

// Compile compiles a chunk. The error's text is PUC Lua's, as far as the parser tells where it stopped: "user_script:1: syntax error near 'x'".
func Compile(source, chunk string) (compiled *Proto, err error) {
	defer func() { // gopher-lua's compiler has limits that it does not check
		if r := recover(); r != nil {
			compiled, err = nil, fmt.Errorf("%s: function or expression too complex", chunk)
		}
	}()
	if len(source) > maxSource {
		return nil, fmt.Errorf("%s: chunk is too large", chunk)
	}
	stmts, err := parse.Parse(strings.NewReader(source), chunk)
	if err != nil {
		return nil, syntaxError(err, chunk)
	}
	r := &rewriter{chunk: chunk, sites: newSites()}
	if stmts, err = r.rewrite(stmts); err != nil {
		return nil, err
	}
	proto, err := glua.Compile(stmts, chunk)
	if err != nil {
		return nil, compileError(err, chunk)
	}
	r.sites.keep(proto)
	return &Proto{proto}, nil
}

// maxSource bounds a chunk, in bytes.
const maxSource = 16 << 20

// syntaxError puts a parser's error into PUC Lua's words.
func syntaxError(err error, chunk string) error {
	var e *parse.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", chunk, err)
	}
	near := "'" + e.Token + "'"
	if e.Pos.Line == parse.EOF || e.Token == "" || e.Token == "EOF" {
		near = "'<eof>'"
	}
	line := e.Pos.Line
	if line == parse.EOF {
		line = 1
	}
	message := e.Message
	if strings.HasPrefix(message, "Invalid '") {
		message = ""
	}
	switch message {
	case "unterminated string":
		message = "unfinished string"
	case "unterminated multiline string":
		message = "unfinished long string"
	case "syntax error", "":
		message = "unexpected symbol"
	case "parse error": // an expression that is no statement
		message = "'=' expected"
	}
	return fmt.Errorf("%s:%d: %s near %s", chunk, line, message, near)
}

// compileError puts a compiler's error ("compile error near line(3) x: too many local variables") into PUC Lua's form.
func compileError(err error, chunk string) error {
	var e *glua.CompileError
	if errors.As(err, &e) {
		return fmt.Errorf("%s:%d: %s", chunk, Line(e.Line), e.Message)
	}
	return fmt.Errorf("%s: %w", chunk, err)
}

// State is an interpreter. It is used by one goroutine at a time; only Guard's methods may be called from others.
type State struct {
	*glua.LState
	// Guard looks after the running script.
	Guard Guard

	globals *glua.LTable                  // what the names are
	env     *glua.LTable                  // what scripts see of them: read-only
	views   map[*glua.LTable]*glua.LTable // read-only views of metatables of ours
	helpers []*glua.LFunction
	loaded  map[*Proto]*glua.LFunction
	random  random
	nested  int             // protected calls
	strings *glua.LTable    // what scripts see of the metatable of strings
	null    *glua.LUserData // cjson.null

	view    *glua.LTable // the metatable of env: what is seen through it
	missing *glua.LTable // the metatable of what is seen: an unknown name is an error

	// Caught, if set, is told what pcall has caught and says what it returns.
	Caught func(v glua.LValue) glua.LValue
}

// Sizes of a State. The registry grows up to its bound: the deepest recursion and the widest unpack.
const (
	callStack    = 20000
	registry     = 1 << 12
	registryMax  = 1 << 20
	registryStep = 1 << 16
)

// maxArray bounds the keys that gopher-lua keeps in arrays, without gaps: an array of so many would be as much as a script may take.
const maxArray = 1 << 25

func init() { glua.MaxArrayIndex = maxArray }

// NewState makes an interpreter with the libraries of a Redis script but for redis itself. Lock ends the preparation.
func NewState() *State {
	s := &State{
		LState: glua.NewState(glua.Options{
			SkipOpenLibs: true, CallStackSize: callStack, RegistrySize: registry, RegistryMaxSize: registryMax, RegistryGrowStep: registryStep, MinimizeStackMemory: true,
		}),
		views: map[*glua.LTable]*glua.LTable{}, loaded: map[*Proto]*glua.LFunction{},
	}
	s.globals = s.NewTable()
	s.random.x = 0x1234abcd330e                                                                                                       // where drand48 begins without a seed
	for _, fn := range []glua.LGFunction{s.concatenate, s.set, s.key, operation("__mod", modulo), operation("__pow", power), bound} { // in the order of helperNames
		s.helpers = append(s.helpers, s.NewFunction(fn))
	}
	s.openBase()
	s.openCoroutine()
	s.openString()
	s.openTable()
	s.openMath()
	s.openBit()
	s.openStruct()
	s.openMsgpack()
	s.openJSON()
	s.SetContext(&s.Guard)
	s.Guard.state = s
	return s
}

// SetGlobalValue makes a name known to scripts.
func (s *State) SetGlobalValue(name string, v glua.LValue) { s.globals.RawSetString(name, v) }

// GlobalValue is the value of a name.
func (s *State) GlobalValue(name string) glua.LValue { return s.globals.RawGetString(name) }

// Load is the function of a chunk in this State.
func (s *State) Load(p *Proto) *glua.LFunction {
	if fn := s.loaded[p]; fn != nil {
		return fn
	}
	if len(s.loaded) >= maxLoaded {
		clear(s.loaded)
	}
	s.Guard.Begin() // an earlier script may have been ended
	outer := s.NewFunctionFromProto(p.proto)
	outer.Env = s.env
	fn, ok := s.inner(s.LState, outer).(*glua.LFunction)
	if !ok {
		panic("lua: a chunk's outer function gave no function")
	}
	s.loaded[p] = fn
	return fn
}

// inner is the function that a chunk's outer function gives.
func (s *State) inner(l *glua.LState, outer *glua.LFunction) glua.LValue {
	l.Push(outer)
	for _, fn := range s.helpers {
		l.Push(fn)
	}
	l.Call(len(s.helpers), 1)
	fn := l.Get(-1)
	l.Pop(1)
	return fn
}

// maxLoaded bounds how many chunks a State keeps loaded.
const maxLoaded = 4096

// Forget drops the loaded functions of chunks that are no more.
func (s *State) Forget() { clear(s.loaded) }
