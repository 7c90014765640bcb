package filestore_test

import (
	"os"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/filestore"
)

// The file of a running app is emptied or overwritten, for example by > sessions.db or by a wrong
// backup. All callers get an error, and none waits forever.
func TestG23_AFileThatIsEmptiedBlocksNobody(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(path string, size int) error{
		"emptied":     func(path string, _ int) error { return os.Truncate(path, 0) },
		"overwritten": func(path string, size int) error { return os.WriteFile(path, make([]byte, size), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newPath(t)
			s, err := filestore.Open(path, filestore.Options{})
			must(t, err)
			must(t, s.Backend().Set(t.Context(), "k", []byte("v"), time.Hour))
			whole, err := os.ReadFile(path)
			must(t, err)
			must(t, damage(path, len(whole)))
			ended := make(chan error)
			go func() {
				useAtOnce(t, s)
				ended <- s.Close()
			}()
			select {
			case <-ended:
			case <-time.After(30 * time.Second):
				t.Fatal("callers wait for ever")
			}
			must(t, os.Remove(path))
			must(t, os.WriteFile(path, whole, 0o600)) // of a backup
			again := open(t, path, filestore.Options{})
			if v, err := again.Backend().Get(t.Context(), "k"); string(v) != "v" || err != nil {
				t.Errorf("%q, %v", v, err)
			}
		})
	}
}

// useAtOnce uses a storage that cannot be read, by several callers at the same time.
func useAtOnce(t *testing.T, s *filestore.Storage) {
	t.Helper()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if v, err := s.Backend().Get(t.Context(), "k"); err == nil {
				t.Errorf("read %q", v)
			}
			if err := s.Backend().Set(t.Context(), "k", []byte("w"), time.Hour); err == nil {
				t.Error("written")
			}
			if _, err := s.Backend().Listed(t.Context(), "all"); err == nil {
				t.Error("listed")
			}
		})
	}
	wait.Wait()
}
