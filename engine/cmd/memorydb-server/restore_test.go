package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// once calls fn when it is written to for the first time, and keeps what is written.
type once struct {
	bytes.Buffer
	fn func()
}

// Write keeps p.
func (o *once) Write(p []byte) (int, error) {
	if o.fn != nil {
		o.fn()
		o.fn = nil
	}
	return o.Buffer.Write(p)
}

// tinyRDB has the key k with an empty string, one that has expired, and no checksum.
const tinyRDB = "REDIS0009\xfe\x00\xfc\x01\x00\x00\x00\x00\x00\x00\x00\x00\x04past\x01v\x00\x01k\x00\xff\x00\x00\x00\x00\x00\x00\x00\x00"

func TestRestore(t *testing.T) {
	dir := t.TempDir()
	data, file, bad := filepath.Join(dir, "data"), filepath.Join(dir, "dump.rdb"), filepath.Join(dir, "bad.rdb")
	for name, content := range map[string]string{file: tinyRDB, bad: tinyRDB[:len(tinyRDB)-12]} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// starts says what a server prints that is stopped once it has restored.
	starts := func(restore string) (string, error) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		out := &once{fn: cancel}
		p := program{Listen: "127.0.0.1:0", Data: data, Log: "quorum", TLSMin: "1.3", LogLevel: slog.LevelError, Restore: restore}
		err := p.serve(ctx, func() {}, out, io.Discard)
		return out.String(), err
	}
	refused := func(want string, args ...string) {
		t.Helper()
		var out bytes.Buffer
		if code := run(append(args, "--listen", "127.0.0.1:0", "--data", data), &out, &out); code != exitFailed || !strings.Contains(out.String(), want) {
			t.Errorf("%q: exit code %d, %q; want %q", args, code, out.String(), want)
		}
	}
	marker := filepath.Join(data, markerName)
	refused("at byte 28 of the file: rdb: bad data", "--restore", bad)
	restored := "restored " + file + ": 1 keys; left out: 1 expired, 0 skipped, 0 empty; 0 libraries; "
	if out, err := starts(file); err != nil || !strings.HasPrefix(out, restored) {
		t.Fatalf("%q, %v; want %q", out, err, restored)
	}
	if _, err := os.Stat(marker); !os.IsNotExist(err) {
		t.Errorf("the marker: %v", err)
	}
	refused("only an empty one can be restored into", "--restore", file)

	// As if it had been killed on the way.
	if err := os.WriteFile(marker, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("restoring " + file + " was cut short")
	if out, err := starts(file); err != nil || !strings.HasPrefix(out, restored) {
		t.Errorf("again: %q, %v", out, err)
	}
}
