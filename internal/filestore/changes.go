package filestore

import (
	"context"
	"errors"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/fibermsal/fibermsal/internal/record"
)

const (
	// timeLimit is how long an operation may wait for the disk.
	timeLimit = 2 * time.Second
	// maxShared is how many changes share a transaction.
	maxShared = 256
	// sweepEvery is how often expired values are removed, and sweepSize how many at once.
	sweepEvery = time.Minute
	sweepSize  = 512
)

var (
	errClosed   = errors.New("filestore: the storage is closed")
	errReadOnly = errors.New("filestore: the file or its file system is read-only")
	// errSkipped is the result of a change that was not made because its caller had stopped waiting.
	errSkipped = errors.New("filestore: the caller gave up")
)

// change is a change for which a caller is waiting.
type change struct {
	ctx   context.Context //nolint:containedctx // of the caller, who waits
	apply func(*tree) error
	done  chan error

	skipped bool
}

// changes makes the changes to a file, one transaction after another.
type changes struct {
	transactions *transactions
	requested    chan *change
	closing      chan struct{}
	ended        chan struct{}
}

func newChanges(t *transactions) *changes {
	c := &changes{transactions: t, requested: make(chan *change), closing: make(chan struct{}), ended: make(chan struct{})}
	go c.run()
	return c
}

// close waits for the current transaction, unless that waits for a lock of bbolt that is never
// released.
func (c *changes) close() {
	close(c.closing)
	select {
	case <-c.ended:
	case <-c.transactions.broken:
	}
}

// submit makes a change and returns when it is on disk. apply may be called again if another change in
// the same transaction fails. If submit returns an error, the change may have been made nevertheless,
// and the caller must not read the variables that apply writes.
func (c *changes) submit(ctx context.Context, apply func(*tree) error) error {
	limited, cancel := context.WithTimeoutCause(ctx, timeLimit, errors.New("filestore: the disk is too slow"))
	defer cancel()
	wanted := &change{ctx: limited, apply: apply, done: make(chan error, 1)}
	select {
	case c.requested <- wanted:
	case <-limited.Done():
		return given(ctx, limited)
	case <-c.closing:
		return errClosed
	}
	select {
	case err := <-wanted.done:
		if errors.Is(err, errSkipped) {
			return given(ctx, limited)
		}
		return refused(err)
	case <-limited.Done():
		return given(ctx, limited)
	}
}

// given returns why a caller gave up: because its own context has ended, or because the disk is too
// slow, although it may still serve reads.
func given(caller, limited context.Context) error {
	if caller.Err() != nil {
		return caller.Err()
	}
	return refused(context.Cause(limited))
}

// refused marks an error to show that the file can still be read.
func refused(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bolterrors.ErrDatabaseReadOnly):
		err = errReadOnly
	}
	return &record.RefusedError{Err: err}
}

// run makes changes and removes expired values until the file is closed.
func (c *changes) run() {
	defer close(c.ended)
	sweep := time.NewTimer(0)
	defer sweep.Stop()
	for {
		select {
		case first := <-c.requested:
			c.makeAll(c.gather(first))
		case <-sweep.C:
			next := sweepEvery
			if c.sweep() {
				next = 0
			}
			sweep.Reset(next)
		case <-c.closing:
			return
		}
	}
}

// gather returns the changes that were requested during the last transaction.
func (c *changes) gather(first *change) []*change {
	all := []*change{first}
	for len(all) < maxShared {
		select {
		case next := <-c.requested:
			all = append(all, next)
		default:
			return all
		}
	}
	return all
}

// makeAll makes changes in one transaction. If one of them fails, it makes each in a separate transaction.
func (c *changes) makeAll(all []*change) {
	err := c.transact(func(t *tree) error {
		for _, wanted := range all {
			if wanted.skipped = wanted.ctx.Err() != nil; wanted.skipped {
				continue
			}
			if err := wanted.apply(t); err != nil {
				return &applyError{err}
			}
		}
		return nil
	})
	if len(all) > 1 && errors.As(err, new(*applyError)) {
		for _, wanted := range all {
			c.makeAll([]*change{wanted})
		}
		return
	}
	for _, wanted := range all {
		if wanted.skipped {
			wanted.done <- errSkipped
		} else {
			wanted.done <- err
		}
	}
}

// applyError is the failure of a single change rather than of its transaction.
type applyError struct{ error }

// Unwrap returns the reason.
func (a *applyError) Unwrap() error { return a.error }

// sweep removes some expired values and reports whether there may be more.
func (c *changes) sweep() (more bool) {
	err := c.transact(func(t *tree) (err error) {
		more, err = t.removeExpired(sweepSize)
		return err
	})
	return more && err == nil
}

// transact runs a transaction. It writes nothing if nothing has changed.
func (c *changes) transact(apply func(*tree) error) error {
	return c.transactions.write(func(tx *bolt.Tx) (changed bool, err error) {
		t, err := treeIn(tx)
		if err == nil {
			err = apply(t)
		}
		return err == nil && t.changed, err
	})
}
