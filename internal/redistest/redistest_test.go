package redistest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

// recorder records failures instead of failing.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestDump_ContainsEveryKeyAndReportsThoseThatNeverExpire(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	s := redistest.Start(r, "--appendonly", "yes")
	ctx, client := context.Background(), s.Client()
	client.Set(ctx, "a", "apple", time.Minute)
	client.HSet(ctx, "h", "field", "hazel")
	client.Expire(ctx, "h", time.Minute)
	client.Set(ctx, "eternal", "elm", 0)

	dump := string(s.Dump())
	for _, want := range []string{"apple", "hazel", "elm"} {
		if !strings.Contains(dump, want) {
			t.Errorf("%q is not in the dump:\n%s", want, dump)
		}
	}
	if len(r.errors) != 1 || !strings.Contains(r.errors[0], `"eternal"`) {
		t.Errorf("reported: %q", r.errors)
	}
	client.Del(ctx, "a")
	if written := string(s.Written()); !strings.Contains(written, "apple") {
		t.Errorf("the deleted value is not in the log of writes:\n%s", written)
	}
	if keys := fmt.Sprint(s.Keys()); keys != "[eternal h]" {
		t.Errorf("keys: %s", keys)
	}
}

func TestRestart_KeepsThePortAndTheData(t *testing.T) {
	t.Parallel()
	for _, on := range []string{"no", "yes"} {
		s := redistest.Start(t, "--appendonly", on, "--appendfsync", "always")
		if err := s.Client().Set(context.Background(), "key", "value", time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
		s.Stop()
		if err := s.Client().Ping(context.Background()).Err(); err == nil {
			t.Error("it replies after Stop")
		}
		s.Restart()
		if got, want := len(s.Keys()), map[string]int{"no": 0, "yes": 1}[on]; got != want {
			t.Errorf("appendonly %s: %d keys after a restart, want %d", on, got, want)
		}
	}
}

// Not parallel: it changes the environment.
func TestStart_RunsTheProgramNamedInTheEnvironment(t *testing.T) {
	original := redistest.Program(t, "redis-server")
	dir := t.TempDir()
	if err := os.Symlink(original, filepath.Join(dir, "other-server")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	for named, want := range map[string]string{"": filepath.Base(original), "other-server": "other-server"} {
		t.Setenv("FIBERMSAL_TEST_REDIS", named)
		info, err := redistest.Start(t).Client().InfoMap(t.Context(), "server").Result()
		if err != nil {
			t.Fatal(err)
		}
		if got := filepath.Base(info["Server"]["executable"]); got != want {
			t.Errorf("FIBERMSAL_TEST_REDIS=%q runs %q, want %q", named, got, want)
		}
	}
}
