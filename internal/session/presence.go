package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/record"
)

const (
	// presenceLife is how long an instance that crashed still seems to run.
	presenceLife = 2 * time.Hour
	// announceEvery is how often a running instance announces itself.
	announceEvery = 30 * time.Minute
	// retryAnnouncing is when an announcement that failed is repeated.
	retryAnnouncing = time.Minute
)

// presence is what instances announce in a shared storage: that they run, and the IDs of their
// keys, with which every sealed record begins anyway. Doctor and administration compare them. It
// costs two commands every half hour, beside one that writes a session.
type presence struct {
	records     *record.Store
	origin      string
	log         *slog.Logger
	instance    func() string
	announcedAt atomic.Int64
}

var notInHostName = regexp.MustCompile(`[^A-Za-z0-9.\-]`)

// newPresence names this instance after its machine, with a random part, because a machine may
// run several.
func newPresence(records *record.Store, origin string, log *slog.Logger) *presence {
	return &presence{records: records, origin: origin, log: log, instance: sync.OnceValue(func() string {
		host, err := os.Hostname()
		if err != nil {
			host = ""
		}
		var own [4]byte
		_, _ = rand.Read(own[:]) // without, it is the machine's name
		host = notInHostName.ReplaceAllString(host, "")
		return cmp.Or(host[:min(len(host), 64)], "instance") + "/" + hex.EncodeToString(own[:])
	})}
}

// announce announces this instance, unless it has done so recently.
func (p *presence) announce(ctx context.Context) {
	now, last := time.Now(), p.announcedAt.Load()
	if now.UnixNano()-last < int64(announceEvery) || !record.SealsIn(p.records).Kept() || !p.announcedAt.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	// It is not repeated for half an hour, so the end of one request must not end it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := record.SealsIn(p.records).Announce(ctx, p.origin)
	if p.records.Shared() {
		err = errors.Join(err, p.records.Announce(ctx, p.instance(), presenceLife))
	}
	if err != nil {
		p.announcedAt.CompareAndSwap(now.UnixNano(), now.Add(retryAnnouncing-announceEvery).UnixNano())
		p.log.LogAttrs(ctx, slog.LevelDebug, "instance not announced in the storage", slog.Any("error", autherr.StorageUnavailable(err)))
	}
}

// deregister removes the announcement.
func (p *presence) deregister() {
	if p.announcedAt.Load() == 0 || !p.records.Shared() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = p.records.Deregister(ctx, p.instance()) // it expires by itself
}
