package datatype

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// sorting is what SORT is asked for.
type sorting struct {
	desc, alpha bool
	plain       bool // BY a constant: the elements as they come
	offset      int64
	count       int64  // negative: all
	store       []byte // the key for the result, or nil
}

// parseSort reads the options; withStore says that STORE is one of them.
func parseSort(a command.Args, withStore bool) (s sorting, err error) {
	s.count = -1
	for a.More() {
		switch {
		case a.Flag("asc"):
			s.desc = false
		case a.Flag("desc"):
			s.desc = true
		case a.Flag("alpha"):
			s.alpha = true
		case a.Left() > 2 && a.Flag("limit"):
			if s.offset, err = a.Int(); err != nil {
				return s, err
			}
			if s.count, err = a.Int(); err != nil {
				return s, err
			}
		case withStore && a.FlagWith("store"):
			s.store, _ = a.Next() // FlagWith saw it
		case a.FlagWith("by"):
			pattern, _ := a.Next()
			pattern, _, _ = bytes.Cut(pattern, zeroByte)
			if bytes.IndexByte(pattern, '*') >= 0 { // it would read keys that the request doesn't name
				return s, resp.Error("ERR BY option of SORT denied in Cluster mode.")
			}
			s.plain = true
		case a.FlagWith("get"):
			return s, resp.Error("ERR GET option of SORT denied in Cluster mode.")
		default:
			return s, resp.ErrSyntax
		}
	}
	return s, nil
}

// window is the part of n elements that LIMIT leaves, from start to end.
func (s *sorting) window(n int) (start, end int) {
	start = int(min(max(s.offset, 0), int64(n)))
	if end = n; s.count >= 0 {
		end = start + int(min(s.count, int64(n-start)))
	}
	return start, end
}

// sort brings elements into the order asked for.
func (s *sorting) sort(texts [][]byte) error {
	if s.alpha {
		s.sortTexts(texts)
		return nil
	}
	return s.sortNumbers(texts)
}

// sortTexts compares by bytes. C's strcoll, which Redis uses unless the result is stored, sees only those before a zero byte; texts that are equal to it stay in their order.
func (s *sorting) sortTexts(texts [][]byte) {
	hasZero := func(text []byte) bool { return bytes.IndexByte(text, 0) >= 0 }
	if s.store == nil && slices.ContainsFunc(texts, hasZero) {
		slices.SortStableFunc(texts, func(a, b []byte) int { return s.direct(compareText(a, b)) })
		return
	}
	slices.SortFunc(texts, func(a, b []byte) int { return s.direct(bytes.Compare(a, b)) })
}

// sortNumbers compares by the numbers that the texts are, equal ones by bytes.
func (s *sorting) sortNumbers(texts [][]byte) error {
	type element struct {
		score float64
		text  []byte
	}
	elements := make([]element, len(texts))
	for i, text := range texts {
		score, ok := sortScore(text)
		if !ok {
			return resp.Error("ERR One or more scores can't be converted into double")
		}
		elements[i] = element{score, text}
	}
	slices.SortFunc(elements, func(a, b element) int {
		if n := cmp.Compare(a.score, b.score); n != 0 {
			return s.direct(n)
		}
		return s.direct(bytes.Compare(a.text, b.text))
	})
	for i, e := range elements {
		texts[i] = e.text
	}
	return nil
}

func (s *sorting) direct(order int) int {
	if s.desc {
		return -order
	}
	return order
}

func compareText(a, b []byte) int {
	a, _, _ = bytes.Cut(a, zeroByte)
	b, _, _ = bytes.Cut(b, zeroByte)
	return bytes.Compare(a, b)
}

// sortScore is the number that C's strtod makes of a text, which it reads up to a zero byte: spaces may go before the number, and no text at all is 0.
func sortScore(text []byte) (float64, bool) {
	text, _, _ = bytes.Cut(text, zeroByte)
	if len(text) == 0 {
		return 0, true
	}
	text = bytes.TrimLeft(text, " \t\n\v\f\r")
	score, err := command.ParseFloat(text)
	if err != nil || score != 0 && math.Abs(score) < 0x1p-1022 && !exactly(score, text) {
		return 0, false
	}
	return score, true
}

// exactly says whether a number, so small that a float64 holds less digits of it, is what the text says: else strtod tells of a range error.
func exactly(score float64, text []byte) bool {
	n, ok := new(big.Rat).SetString(strings.ToLower(string(text)))
	return ok && n.Cmp(new(big.Rat).SetFloat64(score)) == 0
}
