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
	// presenceLife is how long an instance that has crashed still appears to be running.
	presenceLife = 2 * time.Hour
	// announceEvery is how often a running instance announces itself.
	announceEvery = 30 * time.Minute
	// retryAnnouncing is how long to wait before a failed announcement is retried.
	retryAnnouncing = time.Minute
)

// presence announces this instance in a shared storage, with the IDs of its keys, which every sealed
// record also contains. Doctor and administration compare the key IDs of instances. It costs two
// commands every half hour.
type presence struct {
	records     *record.Store
	origin      string
	log         *slog.Logger
	instance    func() string
	announcedAt atomic.Int64
}

var notInHostName = regexp.MustCompile(`[^A-Za-z0-9.\-]`)

// newPresence returns the presence of this instance. The instance's name is that of the machine with a
// random part, because a machine may run several instances.
func newPresence(records *record.Store, origin string, log *slog.Logger) *presence {
	return &presence{records: records, origin: origin, log: log, instance: sync.OnceValue(func() string {
		host, err := os.Hostname()
		if err != nil {
			host = ""
		}
		var own [4]byte
		_, _ = rand.Read(own[:]) // if it fails, only the machine's name is used
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
	// It is not repeated for half an hour, so it must not be cancelled when the request ends.
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
