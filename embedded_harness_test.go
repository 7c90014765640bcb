package fibermsal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/embedded"
	"github.com/fibermsal/fibermsal/internal/filestore"
)

// Fiber's middlewares can share the storage.
var _ fiber.Storage = (*embedded.Storage)(nil)

// newStorageFile returns the path of a file that does not exist yet.
func newStorageFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "sessions.db")
}

// onFile keeps sessions in a file, without Config.Keys.
func onFile(t *testing.T, path string) func(*fibermsal.Config) {
	t.Helper()
	storage, err := embedded.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = storage.Close() })
	return func(cfg *fibermsal.Config) { cfg.Storage = storage }
}

// onFailing stores sessions in a file that is opened by a function of the test.
func onFailing(t *testing.T, path string, open func(string, int, fs.FileMode) (*os.File, error)) func(*fibermsal.Config) {
	t.Helper()
	storage, err := filestore.Open(path, filestore.Options{OpenFile: open})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = storage.Close() })
	return func(cfg *fibermsal.Config) { cfg.Storage = storage }
}

// killed returns a copy of a file and its key in the state in which a killed process would leave them.
func killed(t *testing.T, path string) (copied string) {
	t.Helper()
	copied = killedWithoutKey(t, path)
	copyFile(t, path+".key", copied+".key")
	return copied
}

func killedWithoutKey(t *testing.T, path string) (copied string) {
	t.Helper()
	copied = newStorageFile(t)
	copyFile(t, path, copied)
	return copied
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, content)
}

// unwritable opens a file so that every write fails.
func unwritable(name string, _ int, mode fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY, mode)
}

// readOnly opens a file as on a file system that is mounted for reading.
func readOnly(name string, flag int, mode fs.FileMode) (*os.File, error) {
	if flag&os.O_RDWR != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return os.OpenFile(name, flag, mode)
}

// mentions returns how often a text occurs in the log.
func (l *logbook) mentions(text string) int { return strings.Count(l.String(), text) }
