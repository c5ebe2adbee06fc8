package command

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func decodeAll(payload []byte) ([]string, error) {
	var all []string
	err := DecodeEffects(payload, nil, func(argv [][]byte) error {
		all = append(all, fmt.Sprintf("%q", argv))
		return nil
	})
	return all, err
}

func TestEffectsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 300), 1, 6)
		commands := rapid.SliceOfN(words, 0, 8).Draw(t, "commands")
		var payload []byte
		var want []string
		for _, argv := range commands {
			payload = AppendEffect(payload, argv)
			want = append(want, fmt.Sprintf("%q", argv))
		}
		got, err := decodeAll(payload)
		if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%v\n%q\n%q", err, got, want)
		}
	})
}

func TestDecodeEffectsRefusesWhatIsMalformed(t *testing.T) {
	good := AppendEffect(nil, argvOf("set", "k", "v"))
	for name, payload := range map[string][]byte{
		"no words":              {0},
		"cut count":             {0x80},
		"count too large":       append(binary.AppendUvarint(nil, 1<<63), good...),
		"count beyond 64 bits":  bytes.Repeat([]byte{0xff}, 11),
		"cut in a word":         good[:len(good)-1],
		"cut before a word":     good[:1],
		"word too long":         {1, 5, 'a'},
		"word longer than int":  append([]byte{1}, binary.AppendUvarint(nil, 1<<64-1)...),
		"length beyond 64 bits": append([]byte{1}, bytes.Repeat([]byte{0xff}, 11)...),
		"second is malformed":   append(bytes.Clone(good), 2, 1, 'a'),
	} {
		if got, err := decodeAll(payload); !errors.Is(err, ErrBadEffect) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestDecodeEffectsStopsAtAnErrorOfTheCaller(t *testing.T) {
	payload := AppendEffect(AppendEffect(nil, argvOf("a")), argvOf("b"))
	stop, calls := errors.New("stop"), 0
	if err := DecodeEffects(payload, nil, func([][]byte) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func FuzzDecodeEffects(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte{0})
	f.Add(AppendEffect(nil, argvOf("set", "k", "v")))
	f.Add(AppendEffect(AppendEffect(nil, argvOf("del", "k")), argvOf("pexpireat", "k", "1")))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 1})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, payload []byte) {
		var again []byte
		err := DecodeEffects(payload, nil, func(argv [][]byte) error {
			if len(argv) == 0 {
				t.Error("a command without words")
			}
			again = AppendEffect(again, argv)
			return nil
		})
		if err != nil {
			if !errors.Is(err, ErrBadEffect) {
				t.Errorf("got %v", err)
			}
			return
		}
		first, _ := decodeAll(payload)
		second, err := decodeAll(again)
		if err != nil || strings.Join(first, "\n") != strings.Join(second, "\n") {
			t.Errorf("%v\n%q\n%q", err, first, second)
		}
	})
}

// heard counts what a call tells its hooks.
type heard struct{ told []string }

func (h *heard) Changed(key []byte) { h.told = append(h.told, "changed "+string(key)) }
func (h *heard) ChangedAll()        { h.told = append(h.told, "changed all") }
func (h *heard) Event(class byte, event string, key []byte) {
	h.told = append(h.told, fmt.Sprintf("%c %s %s", class, event, key))
}

func TestEffectsOfACall(t *testing.T) {
	key := []byte("k")
	for _, c := range []struct {
		name string
		run  func(*Call)
		want []string
		told []string
	}{
		{"that changed nothing", func(*Call) {}, nil, nil},
		{"that changed a key", func(c *Call) { c.Changed(key, '$', "set") }, []string{`["cmd" "x"]`}, []string{"changed k", "$ set k"}},
		{"that changed a key without an event", func(c *Call) { c.Changed(key, '$', "") }, []string{`["cmd" "x"]`}, []string{"changed k"}},
		{"with another event", func(c *Call) { c.Changed(key, '$', "set"); c.Event('g', "expire", key) }, []string{`["cmd" "x"]`},
			[]string{"changed k", "$ set k", "g expire k"}},
		{"that changed all", func(c *Call) { c.ChangedAll() }, []string{`["cmd" "x"]`}, []string{"changed all"}},
		{"with effects of its own", func(c *Call) {
			c.Changed(key, 's', "spop")
			c.Propagate(argvOf("srem", "k", "a")...)
			c.Propagate(argvOf("del", "k")...)
		}, []string{`["srem" "k" "a"]`, `["del" "k"]`}, []string{"changed k", "s spop k"}},
		{"with an expired key before", func(c *Call) { c.PropagateExpired([]byte("e")); c.Changed(key, '$', "") },
			[]string{`["del" "e"]`, `["cmd" "x"]`}, []string{"changed k"}},
		{"that only found an expired key", func(c *Call) { c.PropagateExpired([]byte("e")) }, []string{`["del" "e"]`}, nil},
		{"with an expired key and effects of its own, in the order of finding", func(c *Call) {
			c.PropagateExpired([]byte("e"))
			c.Propagate(argvOf("srem", "k", "a")...)
			c.PropagateExpired([]byte("f"))
		}, []string{`["del" "e"]`, `["srem" "k" "a"]`, `["del" "f"]`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			hooks := &heard{}
			call := &Call{Argv: argvOf("cmd", "x"), Hooks: hooks}
			call.Propagate(argvOf("left", "over")...)
			call.Reset()
			c.run(call)
			got, err := decodeAll(call.Effects(nil))
			if err != nil || strings.Join(got, " ") != strings.Join(c.want, " ") {
				t.Errorf("effects %q, %v; want %q", got, err, c.want)
			}
			if strings.Join(hooks.told, ",") != strings.Join(c.told, ",") {
				t.Errorf("told %q, want %q", hooks.told, c.told)
			}
			if dirty := len(c.told) > 0; call.Dirty() != dirty {
				t.Errorf("dirty is %v", call.Dirty())
			}
		})
	}
}
