package redislog

import (
	"log"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func loggerTo(b *strings.Builder) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

func TestRouter_SendsLinesToTheLoggerThatWasAttachedLast(t *testing.T) {
	t.Parallel()
	var nobody, first, second strings.Builder
	r := newRouter(log.New(&nobody, "redis: ", 0))
	r.Printf(t.Context(), "redis: %d", 1)
	detachFirst := r.attach(loggerTo(&first))
	r.Printf(t.Context(), "redis: a %d", 2)
	detachSecond := r.attach(loggerTo(&second))
	r.Printf(t.Context(), "redis: b %d", 3)
	detachFirst()
	r.Printf(t.Context(), "redis: c %d", 4)
	detachSecond()
	detachSecond()
	r.Printf(t.Context(), "redis: d %d", 5)
	for what, row := range map[string]struct{ got, want string }{
		"nobody": {nobody.String(), "redis: 1\nredis: d 5\n"},
		"first":  {first.String(), "level=INFO msg=go-redis detail=\"a 2\"\n"},
		"second": {second.String(), "level=INFO msg=go-redis detail=\"b 3\"\nlevel=INFO msg=go-redis detail=\"c 4\"\n"},
	} {
		if row.got != row.want {
			t.Errorf("%s: %q", what, row.got)
		}
	}
}

func TestRouter_AnOutageIsNoFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got strings.Builder
		r := newRouter(nil)
		r.attach(loggerTo(&got))
		for i := range 150 {
			r.Printf(t.Context(), "redis: connection pool: failed to dial after %d attempts: %v", i, "redis://app:redis-password@host refused")
			time.Sleep(100 * time.Millisecond)
		}
		lines := strings.Split(strings.TrimSpace(got.String()), "\n")
		if len(lines) != 2 || !strings.HasPrefix(lines[0], "level=WARN") || strings.Contains(got.String(), "redis-password") || !strings.HasSuffix(lines[1], "similar_before=99") {
			t.Errorf("%s", &got)
		}
	})
}
