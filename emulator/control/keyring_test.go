package control_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"

	"github.com/openmemorydb/memorydb/emulator/control"
)

func TestKeyring(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keyring")
	keyring, err := control.OpenKeyring(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	h := start(t, "")
	h.createCluster("c", func(in *memorydb.CreateClusterInput) {
		in.KmsKeyId = aws.String("arn:aws:kms:us-east-1:123456789012:key/k")
	})
	if _, err := keyring.Unwrap(h.wanted("c").WrappedKey); !errors.Is(err, control.ErrKey) {
		t.Errorf("a key of another keyring: %v", err)
	}
	for _, bad := range [][]byte{nil, {0}, {200, 1}, bytes.Repeat([]byte{1}, 100)} {
		if _, err := keyring.Unwrap(bad); !errors.Is(err, control.ErrKey) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if err := os.WriteFile(file, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := control.OpenKeyring(file); err == nil {
		t.Error("a spoilt keyring is opened")
	}
}

// A cluster's key is the same after a restart, another cluster has another one.
func TestDataKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keyring")
	first, err := control.OpenKeyring(file)
	if err != nil {
		t.Fatal(err)
	}
	h := startWith(t, "", first)
	h.createCluster("c")
	h.createCluster("d", func(in *memorydb.CreateClusterInput) { in.KmsKeyId = aws.String("own") })
	again, err := control.OpenKeyring(file)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, name := range []string{"c", "d"} {
		wrapped := h.wanted(name).WrappedKey
		a, errA := first.Unwrap(wrapped)
		b, errB := again.Unwrap(wrapped)
		if errA != nil || errB != nil || len(a) != 32 || !bytes.Equal(a, b) {
			t.Errorf("%s: %d bytes, %v, %v", name, len(a), errA, errB)
		}
		keys[string(a)] = true
	}
	if len(keys) != 2 {
		t.Error("two clusters have one key")
	}
}
