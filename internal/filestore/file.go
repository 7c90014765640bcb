package filestore

import (
	"context"
	"errors"
	"os"
	"sync"

	bolt "go.etcd.io/bbolt"

	"github.com/fibermsal/fibermsal/internal/record"
)

// file is an open file, or one that cannot be used.
type file struct {
	path         string
	unusable     error // why the fields below are unset
	db           *bolt.DB
	transactions *transactions
	changes      *changes
	opened       os.FileInfo
	readOnly     bool
	isTool       bool // does not create files
	closing      sync.Once
	keys         sync.Mutex // held while the key is created
}

// view runs a read transaction. Values that it reads are valid only during the call.
func (f *file) view(ctx context.Context, read func(*tree)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.unusable != nil {
		return f.unusable
	}
	return f.transactions.read(func(tx *bolt.Tx) error {
		t, err := treeIn(tx)
		if err == nil {
			read(t)
		}
		return err
	})
}

func (f *file) change(ctx context.Context, apply func(*tree) error) error {
	if f.unusable != nil {
		return f.unusable
	}
	return f.changes.submit(ctx, apply)
}

// close closes the file after the current calls have ended.
func (f *file) close() (err error) {
	f.closing.Do(func() {
		if f.unusable == nil {
			f.changes.close()
			err = f.transactions.close()
		}
	})
	return err
}

func (f *file) state() record.FileState {
	s := record.FileState{Path: f.path, ReadOnly: f.readOnly}
	if f.unusable != nil {
		s.InUse = errors.As(f.unusable, new(*InUseError))
		s.New = !s.InUse
	} else {
		current, err := os.Stat(f.path)
		s.Missing = err != nil || !os.SameFile(f.opened, current)
	}
	return s
}

// about returns a property of the file.
func (f *file) about(name string) (value string, err error) {
	err = f.transactions.read(func(tx *bolt.Tx) error {
		if b := tx.Bucket(aboutBucket); b != nil {
			value = string(b.Get([]byte(name)))
		}
		return nil
	})
	return value, err
}

func (f *file) setAbout(name, value string) error {
	return f.transactions.write(func(tx *bolt.Tx) (bool, error) {
		return true, tx.Bucket(aboutBucket).Put([]byte(name), []byte(value))
	})
}
