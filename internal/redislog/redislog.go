// Package redislog sends the log of go-redis to the logger of the app.
//
// go-redis has one logger per process, which it reads without a lock. It is therefore replaced once,
// when this package is initialized and no client exists. An app that calls redis.SetLogger does so
// later, and so keeps its own logger. Lines do not name their client. If a process has several
// Services, the lines are sent to the logger of the Service that was opened last.
package redislog

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/redact"
)

// quietFor is how long further lines of the same kind are only counted after one was logged. While
// Redis is down, go-redis logs a line for each attempt to connect.
const quietFor = 10 * time.Second

// lines is the log of go-redis in this process.
var lines = install()

func install() *router {
	r := newRouter(log.New(os.Stderr, "redis: ", log.LstdFlags)) // go-redis' own, while no Service is open
	redis.SetLogger(r)
	return r
}

// Attach sends the lines to a logger, until detach is called or another logger is attached.
func Attach(logger *slog.Logger) (detach func()) { return lines.attach(logger) }

// router implements the logger of go-redis.
type router struct {
	fallback *log.Logger

	mu       sync.Mutex
	loggers  []*slog.Logger   // the last one is used
	repeated map[string]*kind // by format
}

// kind is a group of lines with the same format.
type kind struct {
	loggedAt time.Time
	omitted  int // since then
}

func newRouter(fallback *log.Logger) *router {
	return &router{fallback: fallback, repeated: make(map[string]*kind)}
}

func (r *router) attach(logger *slog.Logger) (detach func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loggers = append(r.loggers, logger)
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if i := slices.Index(r.loggers, logger); i >= 0 {
			r.loggers = slices.Delete(r.loggers, i, i+1)
		}
	})
}

// Printf implements the interface of redis.SetLogger.
func (r *router) Printf(ctx context.Context, format string, values ...any) {
	text := redact.Text(strings.TrimPrefix(fmt.Sprintf(format, values...), "redis: "))
	logger, omitted, isDue := r.route(format)
	switch {
	case logger == nil:
		r.fallback.Print(text)
	case isDue:
		attrs := []slog.Attr{slog.String("detail", text)}
		if omitted > 0 {
			attrs = append(attrs, slog.Int("similar_before", omitted))
		}
		logger.LogAttrs(context.WithoutCancel(ctx), levelOf(text), "go-redis", attrs...)
	}
}

// route returns the logger for a line, if there is one, and reports whether the line must be logged.
// omitted is the number of lines of its kind that were not logged before it.
func (r *router) route(format string) (logger *slog.Logger, omitted int, isDue bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.loggers) == 0 {
		return nil, 0, false
	}
	k, now := r.repeated[format], time.Now()
	if k == nil {
		k = new(kind)
		r.repeated[format] = k
	}
	if now.Sub(k.loggedAt) < quietFor {
		k.omitted++
		return r.loggers[len(r.loggers)-1], 0, false
	}
	omitted = k.omitted
	k.loggedAt, k.omitted = now, 0
	return r.loggers[len(r.loggers)-1], omitted, true
}

// levelOf distinguishes failures from other events, because go-redis logs both without a level.
func levelOf(text string) slog.Level {
	for _, word := range []string{"fail", "error", "panic", "unexpected", "ERR "} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(word)) {
			return slog.LevelWarn
		}
	}
	return slog.LevelInfo
}
