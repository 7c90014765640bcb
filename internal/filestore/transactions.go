package filestore

import (
	"fmt"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// transactions are those of a database. To begin one, bbolt reads the first pages, under locks that it
// does not release if they cannot be read, for example because somebody has emptied the file. All
// later ones would wait for these locks forever, so that none begins after that.
type transactions struct {
	db     *bolt.DB
	reads  sync.Mutex    // held while one begins that reads
	broken chan struct{} // closed if a lock of bbolt is never released
	breaks sync.Once
}

func newTransactions(db *bolt.DB) *transactions {
	return &transactions{db: db, broken: make(chan struct{})}
}

// read runs a transaction that reads.
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

// write runs a transaction that writes. It writes nothing if nothing has changed.
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
		_ = tx.Rollback() // it is an error after a commit
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

// close closes the database after the transactions that are under way. One that waits for its own
// locks is closed by the end of the process, until which no other one can use the file.
func (t *transactions) close() error {
	if t.isBroken() {
		return errUnreadable
	}
	return t.db.Close()
}
