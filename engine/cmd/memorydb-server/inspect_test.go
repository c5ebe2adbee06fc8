package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// A record that can't be applied stops the server with its position, each time; it can be looked at, and given up.
func TestRecordThatCanNotBeApplied(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, []string{"--data", dir})
	ctx := context.Background()
	if err := p.client.Set(ctx, "before", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	p.kill()
	log, err := (&program{Data: dir, Log: "quorum"}).openLog(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	// One effect that is sound and one of a command that there is not: [2 words] SET half v, [1 word] NOSUCH.
	payload := []byte("\x03\x03set\x04half\x01v\x01\x06nosuch")
	pos, err := log.shard.Append(log.shard.Tail(), txlog.Entry{Kind: txlog.Data, Epoch: log.shard.Epoch(), Engine: 1, Payload: payload})
	if err == nil {
		err = log.shard.Wait(ctx, pos)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := log.close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var out, errs bytes.Buffer
		if code := run([]string{"--listen", "127.0.0.1:0", "--data", dir}, &out, &errs); code != exitFailed {
			t.Fatalf("exit code %d", code)
		}
		if want := fmt.Sprintf("log record at position %v can't be applied: ERR unknown command 'nosuch'", pos); !strings.Contains(errs.String(), want) || !strings.Contains(errs.String(), fmt.Sprintf("--skip-record %v", pos)) {
			t.Errorf("the server says %s, want %s", errs.String(), want)
		}
	}
	var out, errs bytes.Buffer
	if code := run([]string{"--data", dir, "--inspect-record", fmt.Sprint(pos)}, &out, &errs); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	var seen inspection
	if err := json.Unmarshal(out.Bytes(), &seen); err != nil || seen.Position != uint64(pos) || seen.Kind != "data" || fmt.Sprint(seen.Commands) != `[["set" "half" "v"] ["nosuch"]]` {
		t.Errorf("the record is shown as %s, %v", out.String(), err)
	}
	if code := run([]string{"--data", dir, "--inspect-record", "1000"}, &out, &errs); code != exitFailed || !strings.Contains(errs.String(), "the log ends at position") {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	p = startProcess(t, []string{"--data", dir, "--skip-record", fmt.Sprint(pos), "--log-level", "info"}, "is passed over")
	if got := p.client.Get(ctx, "before").Val(); got != "v" {
		t.Errorf("a key of before is %q", got)
	}
	if n := p.client.Exists(ctx, "half").Val(); n != 0 {
		t.Error("a part of the record was applied")
	}
	if err := p.client.Set(ctx, "after", "v", 0).Err(); err != nil {
		t.Error(err)
	}
}
