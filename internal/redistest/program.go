package redistest

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// allEnv, when set, makes a missing program a failure, because make test installs all programs and
// skips no test.
const allEnv = "FIBERMSAL_TEST_ALL"

// serverEnv names a program to run instead of redis-server.
const serverEnv = "FIBERMSAL_TEST_REDIS"

// ServerProgram returns the path of redis-server, or of the program that the environment names
// instead. If it is missing, it skips or fails the test as [Program] does.
func ServerProgram(tb testing.TB) string {
	tb.Helper()
	return Program(tb, cmp.Or(os.Getenv(serverEnv), "redis-server"))
}

// Program returns the path of the first of the named programs that is installed. If none is, it
// skips the test, or fails it if no test may be skipped.
func Program(tb testing.TB, names ...string) string {
	tb.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Missing(tb, strings.Join(names, " or "))
	return ""
}

// Node returns the path of node, for a program that uses MSAL Node, which npm has installed in
// dir. If either is missing, it skips or fails the test as [Program] does.
func Node(tb testing.TB, dir string) string {
	tb.Helper()
	node := Program(tb, "node")
	// The file is the last that npm writes.
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err != nil {
		Missing(tb, "MSAL Node")
	}
	return node
}

// Missing skips the test because something is missing that make test installs, or fails it if no
// test may be skipped.
func Missing(tb testing.TB, missing string) {
	tb.Helper()
	message := missing + " is not installed; \"make test\" installs it and runs this test"
	if os.Getenv(allEnv) != "" {
		tb.Fatal(message)
	}
	tb.Skip(message)
}
