package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entra"
)

func TestSteps_AnInterruptionSaysWhatRemainsAndHowToGoOn(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		args    []string
		from    part
		total   int
		stopAt  int
		remains string
		again   string
	}{
		"estimated": {[]string{"-before", "2026-01-31T18:00:00.5Z", "-yes"}, 1, 0, 65, "64 of 256 parts are done, about 1920 sessions remain", "fibermsal sessions end -before 2026-01-31T18:00:00.5Z -yes -from 65"},
		"counted":   {[]string{"-before", "2026-01-31T18:00:00Z"}, 1, 1000, 65, "64 of 256 parts are done, 360 sessions remain", "fibermsal sessions end -before 2026-01-31T18:00:00Z -from 65"},
		"continued": {[]string{"-tenant", "x y", "-from", "129"}, 129, 0, 193, "192 of 256 parts are done, about 640 sessions remain", "fibermsal sessions end -tenant 'x y' -from 193"},
		"at once":   {[]string{"-tenant", "x"}, 1, 0, 1, "0 of 256 parts are done, an unknown number of sessions remains", "fibermsal sessions end -tenant x -from 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			c := &console{err: new(bytes.Buffer)}
			tool := &tool{console: c}
			var e endCommand
			if err := parse(entry{name: "sessions end"}, &e, &tool.options, row.args, c); err != nil {
				t.Fatal(err)
			}
			st := tool.stepsOf([]entra.SessionFilter{{TenantID: e.tenant}}, row.from)
			st.total = row.total
			err := st.each(ctx, "ended", func(ctx context.Context, filter entra.SessionFilter) (int, error) {
				if filter.Part == row.stopAt {
					cancel()
					return 0, ctx.Err()
				}
				return 10, nil
			})
			if text := explain("FIBERMSAL", interruptedError{err}); !errors.Is(err, context.Canceled) || text != "interrupted; "+row.remains+". To continue: "+row.again {
				t.Errorf("%s", text)
			}
		})
	}
}

func TestShellWord_IsOneWord(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"adele@contoso.com": "adele@contoso.com", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$(reboot)": "'$(reboot)'", "ü": "'ü'",
	} {
		if got := shellWord(in); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
}

// Redis stops responding, so the signal arrives in the middle of the work.
func TestSessions_CtrlCEndsThem(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	cookie := s.signIn(s.app, adele)
	goesOn := regexp.MustCompile(`(?m)^fibermsal: interrupted; \d+ of 256 parts are done, .* remains?\. To continue: (fibermsal sessions (end|list|clean) .*-from \d+)$`)
	for _, args := range [][]string{{"sessions", "list"}, {"sessions", "end", "-before", "now", "-yes"}, {"sessions", "clean"}} {
		var stdout, stderr bytes.Buffer
		cmd := s.command(args...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := s.redis.Patient().Do(t.Context(), "CLIENT", "PAUSE", "6000").Err(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond) // until it waits for Redis
		began := time.Now()
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // the status tells
		if took := time.Since(began); cmd.ProcessState.ExitCode() != statusFound || !goesOn.MatchString(stderr.String()) || took > 5*time.Second {
			t.Errorf("%v, %q after %v: %s%s", cmd.ProcessState, args, took, &stdout, &stderr)
		}
		if isEnd := args[1] == "end"; isEnd != strings.Contains(stderr.String(), "outcome=interrupted ended=0") {
			t.Errorf("audit: %s", &stderr)
		}
		time.Sleep(time.Until(began.Add(6 * time.Second)))
	}
	if !s.isSignedIn(s.app, cookie) {
		t.Error("it ended")
	}
}

func TestSessions_GoOnWithAPart(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	cookie := s.signIn(s.app, adele)
	sum := sha256.Sum256([]byte(nameOf(cookie)))
	its := int(sum[0]) + 1
	if its < 256 {
		after := strconv.Itoa(its + 1)
		if got := s.listed("-from", after); len(got) != 0 {
			t.Errorf("after its part: %+v", got)
		}
		if o := s.run("sessions", "clean", "-from", after, "-json"); o.status != statusOK || !strings.Contains(o.stdout, `"alive":0`) {
			t.Errorf("after its part: %+v", o)
		}
		if o := s.run("sessions", "end", "-before", "now", "-yes", "-from", after); o.status != statusOK || !strings.Contains(o.stdout, "0 sessions ended") || !s.isSignedIn(s.app, cookie) {
			t.Errorf("after its part: %+v", o)
		}
	}
	if got := s.listed("-from", strconv.Itoa(its)); len(got) != 1 {
		t.Errorf("its part: %+v", got)
	}
	if o := s.run("sessions", "end", "-before", "now", "-yes", "-from", strconv.Itoa(its)); o.status != statusOK || o.stdout != "1 session ended\n" || s.isSignedIn(s.app, cookie) {
		t.Errorf("its part: %+v", o)
	}
	for _, from := range []string{"0", "257", "-1"} {
		if o := s.run("sessions", "list", "-from", from); o.status != statusUsage {
			t.Errorf("%+v", o)
		}
	}
}
