// Package redislog sends the log of go-redis to the logger of the app.
//
// go-redis has one logger in a process, which it reads without a lock. It is therefore replaced
// once, when this package is initialized and no client exists. An app that calls redis.SetLogger
// itself does so later, and keeps its own. Lines do not name the client that they are about, so
// with several Services in a process, they go to the one that was opened last.
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

// quietFor is how long lines of one kind are only counted after one was logged. While Redis is
// down, go-redis has one for each attempt to connect.
const quietFor = 10 * time.Second

// lines are the log of go-redis in this process.
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

// kind is a kind of lines.
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

// route returns the logger for a line, if there is one, and whether it is due, after how many of
// its kind that were not.
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

// levelOf tells what failed from what happened. go-redis does not.
func levelOf(text string) slog.Level {
	for _, word := range []string{"fail", "error", "panic", "unexpected", "ERR "} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(word)) {
			return slog.LevelWarn
		}
	}
	return slog.LevelInfo
}
