package lua

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// do runs a chunk in a new State, and gives what it returns as text, or the error.
func do(t *testing.T, s *State, source string) (string, error) {
	t.Helper()
	p, err := Compile(source, "user_script")
	if err != nil {
		return "", err
	}
	s.Guard.Begin()
	s.SetTop(0)
	s.Push(s.Load(p))
	if err := s.PCall(0, 1, nil); err != nil {
		s.SetTop(0)
		return "", errors.New(ErrorValue(err).String())
	}
	v := s.Get(-1)
	s.SetTop(0)
	return s.Text(s.LState, v), nil
}

func newLocked() *State {
	s := NewState()
	s.Lock()
	return s
}

// limited is a State whose scripts are ended after some time, and may take little memory.
func limited(after time.Duration, memory int64) *State {
	s := newLocked()
	end := time.Now().Add(after)
	s.Guard.Memory = memory
	s.Guard.Check = func() error {
		if time.Now().After(end) {
			return errors.New("killed")
		}
		return nil
	}
	return s
}

func TestInterrupted(t *testing.T) {
	for name, source := range map[string]string{
		"loop":              `while true do end`,
		"coroutine":         `coroutine.wrap(function() while true do end end)()`,
		"coroutine caught":  `local co = coroutine.create(function() while true do end end) coroutine.resume(co) while true do end`,
		"nested coroutines": `coroutine.wrap(function() coroutine.wrap(function() while true do end end)() end)()`,
		"pcall":             `while true do pcall(function() while true do end end) end`,
		"tail calls":        `local function f() return f() end f()`,
		"pattern":           `return string.find(string.rep('a', 100000), string.rep('a*', 20) .. 'b')`,
		"gsub":              `return string.gsub(string.rep('a', 1000000), 'a', function() local x = 0 for i = 1, 1000 do x = x + 1 end end)`,
		"gmatch":            `for w in string.gmatch(string.rep('a', 100000), '.-b') do end while true do end`,
		"sort":              `local t = {} for i = 1, 1000 do t[i] = i end while true do table.sort(t, function(a, b) return a > b end) end`,
		"metamethod":        `local t = setmetatable({}, {__index = function() while true do end end}) return t.x`,
	} {
		t.Run(name, func(t *testing.T) {
			s := limited(20*time.Millisecond, 1<<30)
			begin := time.Now()
			_, err := do(t, s, source)
			if err == nil || !strings.Contains(err.Error(), "killed") {
				t.Errorf("the script ended with %v", err)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestMemory(t *testing.T) {
	for name, source := range map[string]string{
		"rep":                `return string.rep('x', 1e9)`,
		"many reps":          `local t = {} for i = 1, 1e6 do t[i] = string.rep('x', 500000) end`,
		"doubling":           `local s = 'x' while true do s = s .. s end`,
		"appending":          `local t, s = {}, string.rep('x', 900000) for i = 1, 1e6 do t[i] = s .. i end`,
		"growing table":      `local t = {} local i = 1 while true do t[i] = {i} i = i + 1 end`,
		"sparse":             `local x = {} for i = 1, 1e6 do x[i] = {} x[i][30000000] = 1 end`,
		"sparse, small":      `local x = {} for i = 1, 1e6 do x[i] = {} x[i][4000] = 1 end`,
		"sparse constructor": `local x, n = {}, 30000000 for i = 1, 1e6 do x[i] = {[n] = 1} end`,
		"sparse constant":    `local x = {} for i = 1, 1e6 do x[i] = {[30000000] = 1} end`,
		"sparse rawset":      `local x = {} for i = 1, 1e6 do x[i] = rawset({}, 30000000, 1) end`,
		"sparse insert":      `local x = {} for i = 1, 1e6 do x[i] = {} table.insert(x[i], 30000000, 1) end`,
		"sparse pairs":       `local x = {} for i = 1, 1e6 do local a, b = {}, {} a[30000000], b[1] = 1, 2 x[i] = a end`,
		"sparse map":         `local x = {} for i = 1, 1e6 do x[i] = cmsgpack.unpack('\129\206\001\255\255\254\1') end`,
		"json":               `local t = {} for i = 1, 1000 do t[i] = string.rep('\0', 1000) end local x = {} for i = 1, 1e6 do x[i] = cjson.encode(t) end`,
		"gsub":               `local s = string.rep('x', 1000000) return string.gsub(s, 'x', s)`,
		"format":             `local x, s = {}, string.rep('x', 900000) for i = 1, 1e6 do x[i] = string.format('%s%d', s, i) end`,
		"coroutines":         `local x = {} for i = 1, 1e7 do x[i] = coroutine.create(function() end) end`,
		"endless load":       `return load(function() return string.rep('x', 100000) end)`,
	} {
		t.Run(name, func(t *testing.T) {
			const memory = 64 << 20
			s := limited(time.Minute, memory)
			_, err := do(t, s, source)
			if err == nil || !strings.Contains(err.Error(), "not enough memory") {
				t.Errorf("the script ended with %v", err)
			}
			if grown := heap() - s.Guard.base; grown > 12*memory {
				t.Errorf("the heap has grown by %d MiB", grown>>20)
			}
		})
	}
}

func TestDeepNesting(t *testing.T) {
	const many = 200000
	repeat := strings.Repeat
	for name, source := range map[string]string{
		"not":         "return " + repeat("not ", many) + "1",
		"minus":       "return " + repeat("- ", many) + "1",
		"length":      "return " + repeat("#", many) + "'x'",
		"tables":      "return " + repeat("{", many) + repeat("}", many),
		"functions":   repeat("return function() ", many) + repeat(" end", many),
		"blocks":      repeat("do ", many) + repeat(" end", many),
		"ifs":         repeat("if true then ", many) + repeat(" end", many),
		"elseifs":     "if false then " + repeat("elseif false then ", many) + " end",
		"calls":       "local f " + "return " + repeat("f(", many) + repeat(")", many),
		"concats":     "return 'x'" + repeat("..'x'", many),
		"powers":      "return 1" + repeat("^1", many),
		"sums":        "local a = 1 return a" + repeat("+a", many),
		"ands":        "local a = 1 return a" + repeat(" and a", many),
		"indexes":     "local a = {} return a" + repeat(".a", many),
		"brackets":    "local a = {} return a" + repeat("[1]", many),
		"call chain":  "local f return f" + repeat("()", many),
		"method call": "local f return f" + repeat(":f()", many),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Compile(source, "user_script"); err == nil || !strings.Contains(err.Error(), "chunk has too many syntax levels") {
				t.Errorf("it is compiled with %.200v", err)
			}
		})
	}
	if _, err := Compile("return "+repeat("(", many)+"1"+repeat(")", many), "user_script"); err != nil {
		t.Logf("parentheses: %v", err) // they leave no trace in the tree
	}
	if got, err := do(t, newLocked(), `local f, e = loadstring('return ' .. string.rep('{', 500) .. string.rep('}', 500)) return e`); err != nil || !strings.Contains(got, "too many syntax levels") {
		t.Errorf("loadstring: %q, %v", got, err)
	}
}

func TestDeepRecursion(t *testing.T) {
	for name, source := range map[string]string{
		"function":   `local function f() return 1 + f() end f()`,
		"pcall":      `local function f() local ok, e = pcall(f) if not ok then error(e, 0) end end f() error('stack overflow')`,
		"metamethod": `local t = {} setmetatable(t, {__index = function(t, k) return t[k + 1] end}) return t[1]`,
		"gsub":       `local function f() return (string.gsub('x', 'x', f)) end f()`,
		"sort":       `local function f() table.sort({2, 1}, f) end f()`,
		"coroutines": `local function f() return coroutine.wrap(f)() end f()`,
		"tostring":   `local t = setmetatable({}, {}) getmetatable(t).__tostring = function(t) return tostring(t) .. 'x' end tostring(t)`,
	} {
		t.Run(name, func(t *testing.T) {
			s := limited(time.Minute, 1<<30)
			if _, err := do(t, s, source); err == nil || !strings.Contains(err.Error(), "stack overflow") {
				t.Errorf("the script ended with %.200v", err)
			}
			if got, err := do(t, s, `return 1 + 1`); err != nil || got != "2" {
				t.Errorf("the next script gives %q, %v", got, err)
			}
		})
	}
}

func TestNothingPilesUp(t *testing.T) {
	s := newLocked()
	if _, err := do(t, s, `for i = 1, 1000 do getmetatable('') getmetatable(_G) end`); err != nil {
		t.Fatal(err)
	}
	if len(s.views) > 2 {
		t.Errorf("there are %d views", len(s.views))
	}
	if _, err := do(t, s, `getmetatable('').__index.x = 1`); err == nil {
		t.Error("the string library can be changed")
	}
	if _, err := do(t, s, `for _, n in ipairs({'getfenv', 'setfenv', 'newproxy', 'os', 'io', 'print', 'require', 'module', 'dofile', 'loadfile', 'debug'}) do
		if rawget(_G, n) ~= nil then error(n .. ' is there') end end`); err != nil {
		t.Error(err)
	}
}
