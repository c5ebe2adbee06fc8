package datatype_test

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/enginetest"
)

// testdata/events.txt holds commands and the keyspace events that redis-server 7.0.15 sent: a line "> command", below it lines "class event key". Redis does not say the class;
// that is of its documentation. To have the events written again: go test -run Events -rewrite -against redis-server
const eventsFile = "testdata/events.txt"

// eventClasses are the classes of events as notify-keyspace-events names them.
var eventClasses = map[string]string{
	"set": "$", "append": "$", "setbit": "$", "pfadd": "$", "setrange": "$", "incrby": "$", "incrbyfloat": "$",
	"hset": "h", "hdel": "h", "hincrby": "h", "hincrbyfloat": "h",
	"sadd": "s", "srem": "s", "spop": "s", "sinterstore": "s", "sunionstore": "s", "sdiffstore": "s",
	"zadd": "z", "zincr": "z", "zrem": "z", "zremrangebyscore": "z", "zremrangebyrank": "z", "zremrangebylex": "z", "zpopmin": "z", "zpopmax": "z",
	"zunionstore": "z", "zinterstore": "z", "zdiffstore": "z", "zrangestore": "z", "geosearchstore": "z", "georadiusstore": "z",
	"del": "g", "expire": "g", "persist": "g", "rename_from": "g", "rename_to": "g", "copy_to": "g",
	"xadd": "t", "xdel": "t", "xtrim": "t", "xsetid": "t", "xgroup-create": "t", "xgroup-createconsumer": "t", "xgroup-delconsumer": "t",
	"xgroup-destroy": "t", "xgroup-setid": "t",
	"new": "n", "keymiss": "m", "expired": "x",
}

func TestEventsAsRedis(t *testing.T) {
	text, err := os.ReadFile(eventsFile)
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	want := map[int][]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if words, ok := strings.CutPrefix(line, "> "); ok {
			commands = append(commands, words)
		} else if line != "" {
			want[len(commands)-1] = append(want[len(commands)-1], line)
		}
	}
	if addr, ok := enginetest.Rewrite(t); ok {
		recordEvents(t, addr, commands)
		return
	}
	e := newExecutor(t, 1_700_000_000_000)
	for i, c := range commands {
		e.do(t, strings.Fields(c)...)
		if got := strings.Join(e.events, "\n"); got != strings.Join(want[i], "\n") {
			t.Errorf("%s sends\n%s\nRedis\n%s", c, got, strings.Join(want[i], "\n"))
		}
	}
}

// recordEvents runs the commands on a redis-server and writes the file anew. A message that is sent after each of them marks the end of its events.
func recordEvents(t *testing.T, addr string, commands []string) {
	dial := func() *enginetest.Client {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		return enginetest.NewClient(t, conn)
	}
	c, sub := dial(), dial()
	c.Do("config", "set", "notify-keyspace-events", "EAnm")
	c.Do("config", "set", "hz", "1") // expired keys are for the commands to find
	sub.Do("psubscribe", "__keyevent@0__:*", "end")
	sub.Receive() // the second subscription
	var b strings.Builder
	for _, words := range commands {
		b.WriteString("> " + words + "\n")
		c.Do(strings.Fields(words)...)
		c.Do("publish", "end", "")
		for {
			m := sub.Receive()
			channel := m.Items[2].Text
			if channel == "end" {
				break
			}
			event := strings.TrimPrefix(channel, "__keyevent@0__:")
			class := eventClasses[event]
			if class == "" {
				t.Errorf("%s: event %s has no class here", words, event)
			}
			b.WriteString(class + " " + event + " " + m.Items[3].Text + "\n")
		}
	}
	if err := os.WriteFile(eventsFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
