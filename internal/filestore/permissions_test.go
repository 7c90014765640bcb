package filestore_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/filestore"
	"github.com/fibermsal/fibermsal/internal/record"
)

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Mode().Perm()
}

func TestOpen_OnlyTheOwnerHasRights(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has other permissions")
	}
	path := newPath(t)
	s := open(t, path, filestore.Options{})
	_, err := s.Key()
	must(t, err)
	for name, want := range map[string]fs.FileMode{path: 0o600, path + ".key": 0o600, filepath.Dir(path): 0o700} {
		if got := modeOf(t, name); got != want {
			t.Errorf("%s: %o", name, got)
		}
	}
	must(t, s.Close())
	for _, name := range []string{path, path + ".key"} { // as a restored backup may have
		must(t, os.Chmod(name, 0o664))
	}
	s = open(t, path, filestore.Options{})
	_, err = s.Key()
	must(t, err)
	for _, name := range []string{path, path + ".key"} {
		if got := modeOf(t, name); got != 0o600 {
			t.Errorf("%s: %o", name, got)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	if len(entries) != 2 {
		t.Errorf("other files are left: %v", entries)
	}
}

func TestOpen_ChecksTheDirectory(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		arrange func(t *testing.T, directory string) (path string)
		says    string
	}{
		"missing": {func(_ *testing.T, d string) string { return filepath.Join(d, "a", "b", "sessions.db") }, "no such file or directory: the directory of the file and its parent are missing"},
		"a file": {func(t *testing.T, d string) string {
			t.Helper()
			must(t, os.WriteFile(filepath.Join(d, "a"), nil, 0o600))
			return filepath.Join(d, "a", "sessions.db")
		}, "directory"},
		"the path is a directory": {func(_ *testing.T, d string) string { return d }, "it is not a file"},
		"others can replace the file": {func(t *testing.T, d string) string {
			t.Helper()
			must(t, os.Chmod(d, 0o777))
			return filepath.Join(d, "sessions.db")
		}, "everybody on this machine can replace the file"},
		"others cannot": {func(t *testing.T, d string) string {
			t.Helper()
			must(t, os.Chmod(d, 0o777|fs.ModeSticky)) // as /tmp
			return filepath.Join(d, "sessions.db")
		}, ""},
		"one below": {func(t *testing.T, d string) string {
			t.Helper()
			must(t, os.Chmod(d, 0o777))
			return filepath.Join(d, "own", "sessions.db")
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			directory := t.TempDir()
			s, err := filestore.Open(row.arrange(t, directory), filestore.Options{})
			if err == nil {
				_ = s.Close()
			}
			if (err != nil) != (row.says != "") || err != nil && (!strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), directory)) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestOpen_OfAToolMakesNothing(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	if _, err := filestore.Open(path, filestore.Options{MustExist: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	examined := open(t, path, filestore.Options{MustExist: true, Examine: true})
	if _, err := examined.Key(); err != nil || examined.State() != (record.FileState{Path: path, New: true}) {
		t.Errorf("%+v, %v", examined.State(), err)
	}
	if _, err := examined.Backend().Get(t.Context(), "k"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Dir(path)); err == nil {
		t.Error("it made the directory")
	}
	app := open(t, newPath(t), filestore.Options{})
	must(t, app.Close())
	of := open(t, app.State().Path, filestore.Options{MustExist: true})
	if _, err := of.Key(); err == nil || !strings.Contains(err.Error(), "the app has its own Keys") {
		t.Errorf("a key that the app does not have: %v", err)
	}
	must(t, os.Mkdir(filepath.Dir(path), 0o700))
	if _, err := filestore.Open(path, filestore.Options{MustExist: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestKey_IsTheSameForeverAndMissedIfLost(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path, filestore.Options{})
	key, err := s.Key()
	must(t, err)
	if again, err := s.Key(); err != nil || string(again) != string(key) || len(key) != 32 {
		t.Errorf("%v", err)
	}
	must(t, s.Close())
	s = open(t, path, filestore.Options{})
	if again, err := s.Key(); err != nil || string(again) != string(key) {
		t.Errorf("after a restart: %v", err)
	}
	other := open(t, newPath(t), filestore.Options{})
	if another, err := other.Key(); err != nil || string(another) == string(key) {
		t.Errorf("another file has the same: %v", err)
	}
	text, err := os.ReadFile(path + ".key")
	must(t, err)
	for name, change := range map[string]func() error{
		"is missing":             func() error { return os.Remove(path + ".key") },
		"does not contain a key": func() error { return os.WriteFile(path+".key", text[:20], 0o600) },
		"is not that of the sessions": func() error {
			return os.WriteFile(path+".key", []byte(strings.Repeat("A", 43)+"=\n"), 0o600)
		},
	} {
		must(t, change())
		if _, err := s.Key(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// If the path or a link leads to the file of another program, that file is not changed.
func TestOpen_ChangesNothingOfAnotherProgram(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "index.html")
	must(t, os.WriteFile(path, []byte(strings.Repeat("<p>", 4096)), 0o600))
	must(t, os.Chmod(path, 0o644))
	if _, err := filestore.Open(path, filestore.Options{}); err == nil {
		t.Error("it was opened")
	}
	if got := modeOf(t, path); got != 0o644 && runtime.GOOS != "windows" {
		t.Errorf("the mode is %o", got)
	}
}

// In /tmp every user can create the file or the key before the app does. Only root can read other
// users' files, so this test requires root.
func TestOpen_RejectsWhatAnotherUserHasMade(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of other users")
	}
	const somebody = 54321
	for _, planted := range []string{"", ".key"} {
		path := newPath(t)
		s := open(t, path, filestore.Options{})
		_, err := s.Key()
		must(t, err)
		must(t, s.Close())
		must(t, os.Chmod(filepath.Dir(path), 0o777|fs.ModeSticky))
		must(t, os.Lchown(path+planted, somebody, somebody))
		s, err = filestore.Open(path, filestore.Options{})
		if err == nil {
			_, err = s.Key()
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "another user has made the file") {
			t.Errorf("%q: %v", planted, err)
		}
	}
}
