package filestore

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

const (
	keySuffix = ".key"
	keyIDName = "key"
)

// key returns the key next to the file. The file contains the key's ID, so that a lost key is an error
// and does not sign out all users.
func (f *file) key() ([]byte, error) {
	f.keys.Lock()
	defer f.keys.Unlock()
	path := f.path + keySuffix
	key, err := readKey(path)
	switch missing := errors.Is(err, fs.ErrNotExist); {
	case f.unusable != nil && missing:
		return newKey() // so that everything else can be examined
	case f.unusable != nil || err != nil && !missing:
		return key, err
	}
	known, aboutErr := f.about(keyIDName)
	switch {
	case aboutErr != nil:
		return nil, aboutErr
	case err != nil && known == "" && f.isTool:
		return nil, fmt.Errorf("there is no key next to %s: the app has its own Keys, which are also required here", f.path)
	case err != nil && known != "":
		return nil, fmt.Errorf("the key %s of the sessions in %s is missing: restore it, or remove that file, too, which signs all users out", path, f.path)
	case err != nil:
		if key, err = makeKey(path); err != nil {
			return nil, err
		}
	case known != "" && known != keyID(key):
		return nil, fmt.Errorf("the key in %s is not that of the sessions in %s", path, f.path)
	}
	if known == "" && !f.readOnly {
		err = f.setAbout(keyIDName, keyID(key))
	}
	return key, err
}

// keyID returns a hash from which the key cannot be computed.
func keyID(key []byte) string {
	sum := sha256.Sum256(append([]byte("fibermsal key file"), key...))
	return hex.EncodeToString(sum[:8])
}

func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkOwner(path), restrict(path, info)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(key) != sealed.KeySize {
		return nil, fmt.Errorf("%s does not contain a key: 32 bytes in base64", path)
	}
	return key, nil
}

func newKey() ([]byte, error) {
	key := make([]byte, sealed.KeySize)
	_, err := rand.Read(key)
	return key, err
}

// makeKey creates a new key and writes it atomically.
func makeKey(path string) (key []byte, err error) {
	if key, err = newKey(); err != nil {
		return nil, err
	}
	scratch, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // with mode 0600
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(scratch.Name()) }()
	_, err = scratch.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err := errors.Join(err, scratch.Sync(), scratch.Close()); err != nil {
		return nil, err
	}
	if err := os.Rename(scratch.Name(), path); err != nil {
		return nil, err
	}
	return key, syncDirectory(filepath.Dir(path))
}
