package storedtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Kind is a kind of file, and the name of its directory below testdata/stored.
type Kind string

// The kinds of files. A file has the name of the commit that wrote its content.
const (
	SignIns Kind = "sign-ins" // [SignInFile]
	Redis   Kind = "redis"    // [RedisFile]
)

// Origin says where the content of a file comes from.
type Origin struct {
	About  string `json:"about"`
	Commit string `json:"commit"`
}

// Each returns the files of a kind by the commit that wrote them. root is the root of the
// repository.
func Each[F any](tb testing.TB, root string, kind Kind) map[string]*F {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "testdata", "stored", string(kind), "*.json"))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("storedtest: no files of %s: %v", kind, err)
	}
	files := make(map[string]*F)
	for _, path := range paths {
		content, err := os.ReadFile(path) //nolint:gosec // of the repository
		if err != nil {
			tb.Fatalf("storedtest: %v", err)
		}
		file := new(F)
		if err := json.Unmarshal(content, file); err != nil {
			tb.Fatalf("storedtest: %s: %v", path, err)
		}
		files[commitOf(path)] = file
	}
	return files
}

func commitOf(path string) string {
	name := filepath.Base(path)
	return name[:len(name)-len(filepath.Ext(name))]
}

// writeVariable names the environment variable by which a test writes what this version stores.
// Its value is the commit.
const writeVariable = "FIBERMSAL_WRITE_STORED"

// Write writes what this version stores to a file, and fills its origin, which is part of the file. It
// does nothing unless the environment variable FIBERMSAL_WRITE_STORED is the commit of this version.
func Write(tb testing.TB, root string, kind Kind, origin *Origin, file any) {
	tb.Helper()
	commit := os.Getenv(writeVariable)
	if commit == "" {
		return
	}
	*origin = Origin{
		About:  "written by commit " + commit + " through its front door: " + writeVariable + "=" + commit + " go test -run '^TestStored_' .",
		Commit: commit,
	}
	content, err := json.MarshalIndent(file, "", " ")
	if err == nil {
		dir := filepath.Join(root, "testdata", "stored", string(kind))
		if err = os.MkdirAll(dir, 0o755); err == nil { //nolint:gosec // part of the repository
			err = os.WriteFile(filepath.Join(dir, commit+".json"), append(content, '\n'), 0o644) //nolint:gosec // part of the repository
		}
	}
	if err != nil {
		tb.Fatalf("storedtest: %v", err)
	}
}
