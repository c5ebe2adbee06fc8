package server

import (
	"strings"
	"testing"
)

// The client that takes the most goes, and one with NO-EVICT stays though it takes more.
func TestClientEviction(t *testing.T) {
	n := run(t, func(cfg *Config) { cfg.Settings.ClientMemory = 4 << 20 })
	keeper, small, big := n.dial(), n.dial(), n.dial()
	keeper.do("CLIENT NO-EVICT on", "+OK\r\n")
	keeper.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000000\r\n" + strings.Repeat("x", 2_900_000))
	small.do("PING", "+PONG\r\n")
	big.send("*3\r\n$3\r\nSET\r\n$1\r\nl\r\n$2600000\r\n" + strings.Repeat("x", 2_500_000))
	big.expectEnd()
	keeper.send(strings.Repeat("x", 100_000) + "\r\n")
	keeper.expect("+OK\r\n")
	if info := small.reply("INFO stats"); !strings.Contains(info, "evicted_clients:1\r\n") {
		t.Errorf("INFO stats: %s", info)
	}
}
