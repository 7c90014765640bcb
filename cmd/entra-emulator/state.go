package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// state is the directory that keeps the state of the emulator between runs. Package entratest keeps the
// certificate authority in the same directory.
type state struct{ dir string } // empty if nothing is kept

// secret returns the given client secret, that of an earlier run, or else a new one, which it saves for
// the next run.
func (s state) secret(given string) (string, error) {
	if s.dir == "" || given != "" {
		return given, nil
	}
	if err := s.makeDirectory(); err != nil {
		return "", fmt.Errorf("the state: %w", err)
	}
	name := filepath.Join(s.dir, "client-secret")
	if info, err := os.Stat(name); err == nil && hasModes && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s is open to other users (mode %04o): chmod 600, or remove it", name, info.Mode().Perm())
	}
	switch text, err := os.ReadFile(name); {
	case err == nil && strings.TrimSpace(string(text)) != "":
		return strings.TrimSpace(string(text)), nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("the client secret: %w", err)
	}
	secret := "emulator-" + rand.Text()
	if err := os.WriteFile(name, []byte(secret+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("the client secret: %w", err)
	}
	return secret, nil
}

// hasModes is false on Windows, where every file appears to be accessible to all users.
const hasModes = runtime.GOOS != "windows"

// makeDirectory creates the directory if necessary. It refuses a directory to which other users can
// write, because they could put links or a secret that they know there.
func (s state) makeDirectory() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(s.dir)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); hasModes && mode&0o022 != 0 {
		return fmt.Errorf("other users can write to %s (mode %04o): chmod 700", s.dir, mode)
	}
	return nil
}

// writeCA writes the certificate to the named file, to the state directory, or else to a new temporary file.
func (s state) writeCA(name string, pem []byte) (file string, temporary bool, err error) {
	if name == "" && s.dir != "" {
		name = filepath.Join(s.dir, "ca.pem")
	}
	if name != "" {
		if err := os.WriteFile(name, pem, 0o644); err != nil { // #nosec G306 -- a public certificate
			return "", false, fmt.Errorf("writing the certificate: %w", err)
		}
		return name, false, nil
	}
	created, err := os.CreateTemp("", "entra-emulator-*.pem")
	if err != nil {
		return "", false, fmt.Errorf("writing the certificate: %w", err)
	}
	_, err = created.Write(pem)
	return created.Name(), true, errors.Join(err, created.Close())
}
