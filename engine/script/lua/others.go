package lua

import (
	"time"

	glua "github.com/yuin/gopher-lua"
)

// openOthers opens os, of which scripts have clock only, and the libraries that Redis adds.
func (s *State) openOthers() {
	t := s.NewTable()
	begun := time.Now()
	s.register(t, map[string]glua.LGFunction{"clock": func(l *glua.LState) int {
		l.Push(glua.LNumber(time.Since(begun).Seconds()))
		return 1
	}})
	s.globals.RawSetString("os", t)
}
