package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunRefuses(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	locked := t.TempDir()
	p := program{Data: locked, Log: "quorum"}
	log, err := p.openLog(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	for _, tc := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"unknown flag", []string{"--nonsense"}, exitUsage, "unknown flag --nonsense"},
		{"unknown log", []string{"--log", "tape"}, exitUsage, "--log must be one of"},
		{"certificate without key", []string{"--tls-cert", file}, exitUsage, "--tls-cert and --tls-key go together"},
		{"missing certificate", []string{"--tls-cert", file + "x", "--tls-key", file}, exitUsage, "no such file"},
		{"used port", []string{"--listen", ln.Addr().String(), "--log", "memory"}, exitFailed, "is in use; stop what uses it, or choose another one with --listen"},
		{"no such host", []string{"--listen", "256.0.0.1:0", "--log", "memory"}, exitFailed, "can't listen on 256.0.0.1:0"},
		{"unwritable folder", []string{"--listen", "127.0.0.1:0", "--data", filepath.Join(file, "data")}, exitFailed, "not a directory"},
		{"locked folder", []string{"--listen", "127.0.0.1:0", "--data", locked}, exitFailed, "used by another process"},
		{"bad certificate", []string{"--listen", "127.0.0.1:0", "--log", "memory", "--tls-cert", file, "--tls-key", file}, exitFailed, "certificate: "},
		{"snapshot key without snapshots", []string{"--snapshot-key", file}, exitUsage, "--snapshot-key needs --snapshots"},
		{"bad snapshot key", []string{"--listen", "127.0.0.1:0", "--log", "memory", "--snapshots", t.TempDir(), "--snapshot-key", file}, exitFailed, "does not hold 64 hexadecimal digits"},
		{"bad place of snapshots", []string{"--listen", "127.0.0.1:0", "--log", "memory", "--snapshots", "tape://x"}, exitFailed, "unknown scheme"},
		{"never looking", []string{"--snapshot-look", "0s"}, exitUsage, "--snapshot-look must be more than 0"},
		{"help", []string{"--help"}, exitOK, "--admin-commands"},
		{"version", []string{"--version"}, exitOK, "memorydb-server dev"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			if code := run(tc.args, &out, &out); code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			if !strings.Contains(out.String(), tc.want) {
				t.Errorf("printed %q, want it to contain %q", out.String(), tc.want)
			}
		})
	}
}
