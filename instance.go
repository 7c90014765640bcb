package fibermsal

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"os"
	"regexp"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// instanceLife is how long an instance that crashed is taken for one that runs.
	instanceLife = 2 * time.Hour
	// introduceEvery is how often one that runs says so.
	introduceEvery = 30 * time.Minute
)

// presence is what the instances tell each other through a shared storage: that they
// are there, and the ids of their keys, which every sealed record begins with anyway.
// [Auth.Doctor] compares them. It costs a command each half hour, beside one that
// writes a session.
type presence struct {
	named sync.Once
	as    string
	told  atomic.Int64
}

var notInHostName = regexp.MustCompile(`[^A-Za-z0-9.\-]`)

// name is the machine's with something of its own, for a machine may have several.
func (p *presence) name() string {
	p.named.Do(func() {
		host, err := os.Hostname()
		if err != nil {
			host = ""
		}
		var own [4]byte
		_, _ = rand.Read(own[:]) // without, it is the machine's name
		host = notInHostName.ReplaceAllString(host, "")
		p.as = cmp.Or(host[:min(len(host), 64)], "instance") + "/" + hex.EncodeToString(own[:])
	})
	return p.as
}

// introduce says that this instance is there, unless it has said so not long ago.
func (a *Auth) introduce(ctx context.Context) {
	now, last := time.Now(), a.presence.told.Load()
	if now.UnixNano()-last < int64(introduceEvery) || !a.records.Shared() || !a.presence.told.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	// It is not repeated for half an hour, so the end of one request must not end it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := a.records.Introduce(ctx, a.presence.name(), instanceLife); err != nil {
		a.log.LogAttrs(ctx, slog.LevelDebug, "the other instances do not know of this one", slog.Any("error", storageUnavailable(err)))
	}
}

// withdraw says that this instance is there no longer.
func (a *Auth) withdraw() {
	if a.presence.told.Load() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = a.records.Withdraw(ctx, a.presence.name()) // it is forgotten by itself
}
