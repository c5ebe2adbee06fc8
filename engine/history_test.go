package engine_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// What a history records: operations on partitions. A partition is a small state of two cells: the two keys of a transaction, or the two fields of a hash. An
// operation is one command, or the commands of one transaction, which happen at once.

// missing is what a cell holds that is not there. No value of the clients is empty.
const missing = ""

// step is one command on a cell.
type step struct {
	verb string // get, set, del, append, getset, setnx, incr; drop takes both cells
	cell int
	arg  string
}

// request is an operation of a history: the steps of one command or transaction.
type request struct {
	partition string
	steps     []step
}

// outcome is what the client got for each step; unknown if its connection ended without a reply.
type outcome struct {
	unknown bool
	replies []string
}

// run is the sequential specification: what a step does to the state and what it answers.
func (s step) run(state [2]string) (next [2]string, reply string) {
	was := state[s.cell]
	switch s.verb {
	case "get":
		return state, was
	case "set":
		state[s.cell] = s.arg
		return state, "OK"
	case "getset":
		state[s.cell] = s.arg
		return state, was
	case "append":
		state[s.cell] = was + s.arg
		return state, strconv.Itoa(len(was) + len(s.arg))
	case "incr":
		n, _ := strconv.Atoi(was) // missing counts as 0
		state[s.cell] = strconv.Itoa(n + 1)
		return state, state[s.cell]
	case "setnx":
		if was != missing {
			return state, "0"
		}
		state[s.cell] = s.arg
		return state, "1"
	case "hset":
		state[s.cell] = s.arg
		if was != missing {
			return state, "0"
		}
		return state, "1"
	case "del":
		state[s.cell] = missing
		if was != missing {
			return state, "1"
		}
		return state, "0"
	case "drop": // DEL of a whole hash
		if state == [2]string{} {
			return state, "0"
		}
		return [2]string{}, "1"
	}
	panic("no such step: " + s.verb)
}

// model is the specification of one partition, for porcupine.
var model = porcupine.Model{
	Init: func() any { return [2]string{} },
	Step: func(state, input, output any) (bool, any) {
		in, out := input.(request), output.(outcome)
		now := state.([2]string)
		for i, s := range in.steps {
			var reply string
			now, reply = s.run(now)
			if !out.unknown && reply != out.replies[i] {
				return false, state
			}
		}
		return true, now
	},
	DescribeOperation: func(input, output any) string {
		in, out := input.(request), output.(outcome)
		if out.unknown {
			return fmt.Sprintf("%v: unknown", in.steps)
		}
		return fmt.Sprintf("%v: %q", in.steps, out.replies)
	},
}

// history is what all clients of a run did.
type history struct {
	mu    sync.Mutex
	start time.Time
	ops   map[string][]porcupine.Operation
	count map[string]int
	doubt map[string]int // operations of unknown outcome, by kind of partition
}

func newHistory() *history {
	return &history{start: time.Now(), ops: map[string][]porcupine.Operation{}, count: map[string]int{}, doubt: map[string]int{}}
}

func (h *history) now() int64 { return int64(time.Since(h.start)) }

// add records an operation that was called at a time and has returned just now, or never will if its outcome is unknown.
func (h *history) add(client int, call int64, in request, out outcome) {
	end := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if out.unknown {
		h.count["unknown"]++
		kind, _, _ := strings.Cut(in.partition, ".")
		h.doubt[kind]++
		end = math.MaxInt64
	} else {
		h.count["known"]++
	}
	h.ops[in.partition] = append(h.ops[in.partition], porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: end})
}

// maxDoubt is how many operations of unknown outcome a partition may have before it is left: each may have happened at any time after its call, and the check tries them all.
const maxDoubt = 6

// partition is the partition of a kind that is used at the moment.
func (h *history) partition(kind string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return fmt.Sprint(kind, ".", h.doubt[kind]/maxDoubt)
}

// dropped counts operations that say nothing: refused ones, and reads without a reply.
func (h *history) dropped(why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count[why]++
}

// check fails the test for every partition whose operations can't have happened one after the other.
func (h *history) check(t *testing.T) {
	t.Helper()
	for name, ops := range h.ops {
		switch result, info := porcupine.CheckOperationsVerbose(model, ops, 20*time.Second); result {
		case porcupine.Illegal:
			t.Errorf("%s is not linearizable:\n%s", name, explain(ops, info))
		case porcupine.Unknown:
			t.Errorf("%s: no verdict about %d operations in time", name, len(ops))
		}
	}
	t.Logf("%v", h.count)
}

// explain shows the operations around the first one that no order explains.
func explain(ops []porcupine.Operation, info porcupine.LinearizationInfo) string {
	longest := map[int]bool{}
	for _, part := range info.PartialLinearizations() {
		for _, line := range part {
			if len(line) > len(longest) {
				clear(longest)
				for _, op := range line {
					longest[op] = true
				}
			}
		}
	}
	first := int64(math.MaxInt64)
	for i, op := range ops {
		if !longest[i] && op.Return < first {
			first = op.Return
		}
	}
	var b strings.Builder
	for i, op := range ops {
		if op.Return < first-int64(100*time.Millisecond) || op.Call > first+int64(20*time.Millisecond) {
			continue
		}
		end := "never"
		if op.Return != math.MaxInt64 {
			end = time.Duration(op.Return).String()
		}
		mark := " "
		if !longest[i] {
			mark = "!"
		}
		fmt.Fprintf(&b, "%s client %d %v - %s %s\n", mark, op.ClientId, time.Duration(op.Call), end, model.DescribeOperation(op.Input, op.Output))
	}
	return b.String()
}
