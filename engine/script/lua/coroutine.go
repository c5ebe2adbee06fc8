package lua

import (
	glua "github.com/yuin/gopher-lua"
)

// maxResumes is how many coroutines may wait for one another, as in PUC Lua (LUAI_MAXCCALLS).
const maxResumes = 200

// openCoroutine registers coroutine: gopher-lua's, with the State's Guard for each thread.
func (s *State) openCoroutine() {
	s.Push(s.NewFunction(glua.OpenCoroutine))
	s.Call(0, 0)
	given, ok := s.G.Global.RawGetString("coroutine").(*glua.LTable)
	if !ok {
		panic("lua: gopher-lua has no coroutines")
	}
	goFunction := func(name string) glua.LGFunction {
		fn, ok := given.RawGetString(name).(*glua.LFunction)
		if !ok {
			panic("lua: gopher-lua has no coroutine." + name)
		}
		return fn.GFunction
	}
	c := &coroutines{s: s, create: goFunction("create"), resume: goFunction("resume"), running: goFunction("running")}
	t := s.NewTable()
	s.register(t, map[string]glua.LGFunction{
		"create": c.createThread, "resume": c.resumeThread, "running": c.running, "status": c.statusOf, "wrap": c.wrap, "yield": yield,
	})
	s.globals.RawSetString("coroutine", t)
}

type coroutines struct {
	s                       *State
	create, resume, running glua.LGFunction
}

// createThread makes a thread that is looked after as its parent is. gopher-lua would derive a context from the parent's, whose end nobody would tell it.
func (c *coroutines) createThread(l *glua.LState) int {
	if fn, ok := l.Get(1).(*glua.LFunction); !ok || fn.IsG {
		argError(l, 1, "Lua function expected")
	}
	l.SetTop(1)
	const bytes = 16 * registry
	c.s.Guard.take(l, bytes)
	l.RemoveContext()
	n := c.create(l)
	l.SetContext(&c.s.Guard)
	if th, ok := l.Get(-1).(*glua.LState); ok {
		th.SetContext(&c.s.Guard)
	}
	return n
}

func checkThread(l *glua.LState, n int) *glua.LState {
	th, ok := l.Get(n).(*glua.LState)
	if !ok {
		argError(l, n, "coroutine expected")
	}
	return th
}

func (c *coroutines) resumeThread(l *glua.LState) int {
	th := checkThread(l, 1)
	refuse := func(message string) int {
		l.Push(glua.LFalse)
		l.Push(glua.LString(message))
		return 2
	}
	status := c.status(l, th)
	depth := 0
	for p := l; p != nil; p = p.Parent {
		depth++
	}
	switch {
	case status != "suspended":
		return refuse("cannot resume " + status + " coroutine")
	case depth > maxResumes:
		return refuse("C stack overflow")
	}
	n := c.resume(l)
	if n == 2 && l.Get(-2) == glua.LFalse {
		if t, ok := l.Get(-1).(glua.LString); ok && th.Dead {
			l.Pop(1)
			l.Push(glua.LString(reword(string(t))))
		}
	}
	return n
}

func (c *coroutines) wrap(l *glua.LState) int {
	c.createThread(l)
	th := l.Get(-1)
	l.Push(l.NewFunction(func(l *glua.LState) int {
		l.Insert(th, 1)
		n := c.resumeThread(l)
		if l.Get(-n) != glua.LFalse {
			return n - 1
		}
		v := l.Get(-1)
		if t, ok := text(v); ok {
			v = glua.LString(where(l, 1) + t)
		}
		l.Error(v, 0)
		return 0
	}))
	return 1
}

func (c *coroutines) statusOf(l *glua.LState) int {
	l.Push(glua.LString(c.status(l, checkThread(l, 1))))
	return 1
}

// status is a thread's, for the one that runs.
func (c *coroutines) status(l, th *glua.LState) string {
	if th != l && th.Parent != nil || th == l.G.MainThread && th != l { // it waits for another one that it has resumed
		return "normal"
	}
	return l.Status(th)
}

const outsideYield = "attempt to yield across metamethod/C-call boundary"

// yield gives the values to the one who resumed. There must be nothing but a script's functions between the two.
func yield(l *glua.LState) int {
	if l.Parent == nil {
		l.Error(glua.LString(outsideYield), 0)
	}
	for level := 1; ; level++ {
		dbg, ok := l.GetStack(level)
		if !ok {
			return -1
		}
		if _, err := l.GetInfo("S", dbg, glua.LNil); err != nil || dbg.What != "Lua" && dbg.What != "main" {
			l.Error(glua.LString(outsideYield), 0)
		}
	}
}
