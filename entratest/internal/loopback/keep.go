package loopback

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// hasModes is false on Windows, where every file appears to be accessible to all users.
const hasModes = runtime.GOOS != "windows"

// authorityFile holds the certificate and the key of a kept authority.
const authorityFile = "entratest-ca.pem"

// keptAuthority returns the authority in the directory, and creates both if they do not exist. An
// authority that expires soon is replaced.
func keptAuthority(dir string) (*authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("entratest: the directory of the certificate authority: %w", err)
	}
	if err := checkDirectory(dir); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, authorityFile)
	a, err := readAuthority(name)
	if err == nil && a.ending() {
		err = os.Remove(name)
		a = nil
	}
	if (err == nil && a == nil) || errors.Is(err, fs.ErrNotExist) {
		return fileAuthority(name)
	}
	return a, err
}

// checkDirectory returns an error if other users could place their own authority in the directory.
func checkDirectory(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("entratest: the directory of the certificate authority: %w", err)
	}
	if mode := info.Mode().Perm(); hasModes && mode&0o022 != 0 {
		return fmt.Errorf("entratest: other users can write to %s, which keeps a certificate authority (mode %04o): chmod 700", dir, mode)
	}
	return nil
}

// readAuthority returns an error if other users can read the file, because they would have the key for
// hosts of this machine, too.
func readAuthority(name string) (*authority, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("entratest: %w", err)
	}
	if mode := info.Mode().Perm(); hasModes && mode&0o077 != 0 {
		return nil, fmt.Errorf("entratest: %s holds a private key and is open to other users (mode %04o): chmod 600, or remove it", name, mode)
	}
	text, err := os.ReadFile(name) // #nosec G304 -- the directory of the configuration
	if err != nil {
		return nil, fmt.Errorf("entratest: %w", err)
	}
	a, err := decodeAuthority(text)
	if err != nil {
		return nil, fmt.Errorf("entratest: %s: %w", name, err)
	}
	return a, nil
}

// fileAuthority creates an authority and writes it atomically. If another process has written one in
// the meantime, that one is returned.
func fileAuthority(name string) (*authority, error) {
	a, err := newAuthority()
	if err != nil {
		return nil, err
	}
	text, err := a.encode()
	if err != nil {
		return nil, err
	}
	switch err := publish(name, text); {
	case errors.Is(err, fs.ErrExist):
		return readAuthority(name)
	case err != nil:
		return nil, fmt.Errorf("entratest: keeping the certificate authority: %w", err)
	default:
		return a, nil
	}
}

// publish writes a file that only its owner can read and that never exists in part.
func publish(name string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(name), ".entratest-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // its other name remains
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Link(file.Name(), name)
}
