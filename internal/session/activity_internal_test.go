package session

import (
	"testing"
	"time"
)

func TestActivity_IsNeverInTheFuture(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		ttl      time.Duration
		signedIn time.Duration // before now
		lastSeen time.Duration // before now; negative: unknown
	}{
		"just used":                    {time.Hour, 2 * time.Hour, 0},
		"used some time ago":           {20 * time.Minute, 2 * time.Hour, 40 * time.Minute},
		"near its absolute end":        {time.Minute, 10 * time.Minute, 10 * time.Minute},
		"a TTL that was rounded":       {time.Hour + time.Second, 2 * time.Hour, 0},
		"an app with a longer timeout": {8 * time.Hour, 2 * time.Hour, -1},
		"an app whose clock is ahead":  {time.Hour, -time.Minute, 0},
	} {
		signedIn := &Session{User: Identity{SignedInAt: now.Add(-row.signedIn)}}
		a := activityFrom(signedIn, row.ttl, time.Hour, now)
		want := now.Add(-row.lastSeen)
		if row.lastSeen < 0 {
			want = time.Time{}
		}
		if !a.LastSeenAt.Equal(want) || a.LastSeenAt.After(now) || !a.IdleAt.Equal(now.Add(row.ttl)) {
			t.Errorf("%s: %+v, want %v", name, a, want)
		}
	}
}
