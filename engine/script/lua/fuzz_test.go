package lua

import (
	"strings"
	"testing"

	glua "github.com/yuin/gopher-lua"
)

// library calls a function of a library with texts; what it gives is nil if it fails. A panic that is no error of Lua's fails the test.
func library(t *testing.T, s *State, lib, name string, args ...string) glua.LValue {
	t.Helper()
	table, ok := s.real(s.globals).RawGetString(lib).(*glua.LTable)
	if !ok {
		t.Fatalf("no %s", lib)
	}
	s.Guard.Begin()
	s.SetTop(0)
	s.Push(s.real(table).RawGetString(name))
	for _, a := range args {
		s.Push(glua.LString(a))
	}
	if err := s.PCall(len(args), 1, nil); err != nil {
		s.SetTop(0)
		if strings.Contains(err.Error(), "runtime error") {
			t.Fatalf("%s.%s(%q): %v", lib, name, args, err)
		}
		return nil
	}
	v := s.Get(-1)
	s.SetTop(0)
	return v
}

func FuzzDecoders(f *testing.F) {
	for _, seed := range []string{"", "[1,{\"a\":null}]", "\"\\ud83d\\ude00\"", "-0x1p4", "\x93\x01\x02\x03", "\x81\xa1a\xc0", "\xdf\xff\xff\xff\xff", "\xcb12345678", "nan", "[[[["} {
		f.Add(seed, ">!4bBhi3c0sfd")
	}
	s := newLocked()
	f.Fuzz(func(t *testing.T, data, format string) {
		library(t, s, "cjson", "decode", data)
		library(t, s, "cmsgpack", "unpack", data)
		library(t, s, "struct", "unpack", format, data)
		library(t, s, "struct", "size", format)
	})
}

func FuzzPattern(f *testing.F) {
	for _, pattern := range []string{"", "^%s*(.-)%s*$", "%b()", "%f[%a]%a+", "[^%]]*-", "((a?)%1)", "[]]", "%", "[%", "()"} {
		f.Add("hello (world) a]b", pattern, "%1-%0")
	}
	s := newLocked()
	f.Fuzz(func(t *testing.T, src, pattern, by string) {
		if len(src) > 30 || len(pattern) > 15 { // matching takes exponential time, as in PUC Lua
			return
		}
		library(t, s, "string", "find", src, pattern)
		library(t, s, "string", "gsub", src, pattern, by)
	})
}

func BenchmarkLoop(b *testing.B) {
	const source = `local t, x = {}, 0 for i = 1, 1000 do t[i] = i x = x + t[i] % 7 end return x`
	b.Run("ours", func(b *testing.B) {
		s := newLocked()
		p, err := Compile(source, "user_script")
		if err != nil {
			b.Fatal(err)
		}
		fn := s.Load(p)
		b.ReportAllocs()
		for b.Loop() {
			s.Guard.Begin()
			s.Push(fn)
			s.Call(0, 0)
		}
	})
	b.Run("gopher-lua", func(b *testing.B) {
		l := glua.NewState()
		defer l.Close()
		fn, err := l.LoadString(source)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			l.Push(fn)
			l.Call(0, 0)
		}
	})
}
