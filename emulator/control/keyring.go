package control

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keyBytes is the size of master and data keys: AES-256.
const keyBytes = 32

// Keyring wraps the data keys of clusters (envelope encryption): each under a key derived from the master key and the id of the cluster's KMS key. The master key is a file.
type Keyring struct{ master []byte }

// OpenKeyring reads the master key from a file of mode 0600, which is made on first use.
func OpenKeyring(file string) (*Keyring, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKeyring(file)
	}
	if err != nil {
		return nil, fmt.Errorf("read keyring: %w", err)
	}
	master, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(master) != keyBytes {
		return nil, fmt.Errorf("keyring %s does not hold %d bytes in hexadecimal", file, keyBytes)
	}
	return &Keyring{master}, nil
}

func makeKeyring(file string) (*Keyring, error) {
	master := make([]byte, keyBytes)
	_, _ = rand.Read(master) // crypto/rand.Read never fails
	f, err := os.OpenFile(file+".tmp", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make keyring: %w", err)
	}
	_, err = fmt.Fprintln(f, hex.EncodeToString(master))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(file+".tmp", file)
	}
	if err == nil {
		err = syncDir(filepath.Dir(file))
	}
	if err != nil {
		return nil, fmt.Errorf("make keyring: %w", err)
	}
	return &Keyring{master}, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// seal is the cipher of a KMS key.
func (k *Keyring) seal(keyID string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, k.master, nil, "memorydb data key "+keyID, keyBytes)
	if err != nil {
		return nil, fmt.Errorf("derive wrapping key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive wrapping key: %w", err)
	}
	return cipher.NewGCM(block)
}

// newDataKey is a fresh data key, wrapped under a KMS key; the empty id is the service's own key. The id travels in front of the wrapped key.
func (k *Keyring) newDataKey(keyID string) ([]byte, error) {
	if len(keyID) > 255 {
		return nil, invalid("KmsKeyId is too long.")
	}
	aead, err := k.seal(keyID)
	if err != nil {
		return nil, err
	}
	secret := make([]byte, keyBytes+aead.NonceSize())
	_, _ = rand.Read(secret) // crypto/rand.Read never fails
	key, nonce := secret[:keyBytes], secret[keyBytes:]
	head := append([]byte{byte(len(keyID))}, keyID...)
	return append(append(head, nonce...), aead.Seal(nil, nonce, key, head)...), nil
}

// ErrKey is returned for a wrapped key that this keyring can't open.
var ErrKey = errors.New("the data key was not wrapped by this keyring")

// Unwrap opens a wrapped data key.
func (k *Keyring) Unwrap(wrapped []byte) ([]byte, error) {
	if len(wrapped) == 0 || len(wrapped) < 1+int(wrapped[0]) {
		return nil, ErrKey
	}
	head := wrapped[:1+int(wrapped[0])]
	aead, err := k.seal(string(head[1:]))
	if err != nil {
		return nil, err
	}
	rest := wrapped[len(head):]
	if len(rest) < aead.NonceSize() {
		return nil, ErrKey
	}
	key, err := aead.Open(nil, rest[:aead.NonceSize()], rest[aead.NonceSize():], head)
	if err != nil {
		return nil, ErrKey
	}
	return key, nil
}
