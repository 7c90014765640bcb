package redistest

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// clockSource is a library that changes a program's wall clock. libfaketime does so, too, but
// redis-server hangs with it, because its allocator reads the time before the library is ready.
//
//go:embed clock.c.txt
var clockSource []byte

// StartAhead is [Start] for a server whose clock is ahead of this machine's, or behind it if by is
// negative. If no C compiler is installed, the test is skipped.
func StartAhead(tb testing.TB, by time.Duration, args ...string) *Server {
	tb.Helper()
	compiler, dir := Program(tb, "gcc", "cc"), tb.TempDir()
	source, library := filepath.Join(dir, "clock.c"), filepath.Join(dir, "clock.so")
	if err := os.WriteFile(source, clockSource, 0o600); err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	if output, err := exec.Command(compiler, "-O1", "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
		tb.Fatalf("redistest: %v\n%s", err, output)
	}
	s := &Server{tb: tb, args: args, env: []string{
		"LD_PRELOAD=" + library, "SECONDS_AHEAD=" + strconv.FormatInt(int64(by/time.Second), 10),
	}}
	s.launch()
	return s
}
