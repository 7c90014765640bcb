package redistest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const pollInterval = 10 * time.Millisecond

// await polls until ready returns nil.
func await(ctx context.Context, tb testing.TB, event string, ready func() error) {
	tb.Helper()
	for {
		err := ready()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("redistest: waiting for %s: %v", event, err)
		case <-time.After(pollInterval):
		}
	}
}

func contains(info *redis.StringCmd, want string) error {
	text, err := info.Result()
	if err == nil && !strings.Contains(text, want+"\r\n") {
		err = fmt.Errorf("not %s:\n%s", want, text)
	}
	return err
}
