package filestore

import (
	"fmt"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// transactions runs the transactions of a database. To begin one, bbolt reads the first pages while
// holding locks, which it does not release if the pages cannot be read, for example because the file
// has been emptied. All later transactions would wait for these locks forever, so after such a failure
// none is begun.
type transactions struct {
	db     *bolt.DB
	reads  sync.Mutex    // held while a read transaction begins
	broken chan struct{} // closed if a lock of bbolt will never be released
	breaks sync.Once
}

func newTransactions(db *bolt.DB) *transactions {
	return &transactions{db: db, broken: make(chan struct{})}
}

// read runs a read transaction.
func (t *transactions) read(use func(*bolt.Tx) error) error {
	return protected(func() error {
		t.reads.Lock() // bbolt serializes this, too
		tx, err := t.begin(false)
		t.reads.Unlock()
		if err != nil {
			return err
		}
		defer t.end(tx)
		return use(tx)
	})
}

// write runs a write transaction. It writes nothing if nothing has changed.
func (t *transactions) write(use func(*bolt.Tx) (changed bool, err error)) error {
	return protected(func() error {
		tx, err := t.begin(true)
		if err != nil {
			return err
		}
		defer t.end(tx)
		if changed, err := use(tx); err != nil || !changed {
			return err
		}
		return tx.Commit()
	})
}

func (t *transactions) begin(writes bool) (tx *bolt.Tx, err error) {
	if t.isBroken() {
		return nil, errUnreadable
	}
	defer func() {
		if p := recover(); p != nil {
			t.breaks.Do(func() { close(t.broken) })
			tx, err = nil, fmt.Errorf("%w: %v", errUnreadable, p)
		}
	}()
	return t.db.Begin(writes)
}

// end ends a transaction that was not committed.
func (t *transactions) end(tx *bolt.Tx) {
	if !t.isBroken() {
		_ = tx.Rollback() // after a commit this returns an error
	}
}

func (t *transactions) isBroken() bool {
	select {
	case <-t.broken:
		return true
	default:
		return false
	}
}

// close closes the database after the current transactions. If a transaction waits for locks that are
// never released, the database stays open until the process ends, and no other process can use the file
// before that.
func (t *transactions) close() error {
	if t.isBroken() {
		return errUnreadable
	}
	return t.db.Close()
}
