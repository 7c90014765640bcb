package filestore

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"runtime/debug"
	"sync"

	bolt "go.etcd.io/bbolt"

	"github.com/fibermsal/fibermsal/internal/record"
)

// file is an open file, or one that another process uses.
type file struct {
	path     string
	db       *bolt.DB // nil: another process uses the file
	changes  *changes
	opened   os.FileInfo
	readOnly bool
	closing  sync.Once
	keys     sync.Mutex // is held while the key is made
}

// view reads. What it reads is valid only during the call.
func (f *file) view(ctx context.Context, read func(*tree)) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.db == nil {
		return &InUseError{f.path}
	}
	tx, err := f.db.Begin(false)
	if err != nil {
		return err
	}
	before := debug.SetPanicOnFault(true) // or a disk that cannot be read would end the process
	defer func() {
		debug.SetPanicOnFault(before)
		if p := recover(); p != nil {
			err = fmt.Errorf("filestore: the file cannot be read: %v", p)
		}
		_ = tx.Rollback()
	}()
	t, err := treeIn(tx)
	if err == nil {
		read(t)
	}
	return err
}

func (f *file) change(ctx context.Context, apply func(*tree) error) error {
	if f.db == nil {
		return &InUseError{f.path}
	}
	return f.changes.submit(ctx, apply)
}

// close closes the file. Calls that are under way end first.
func (f *file) close() (err error) {
	f.closing.Do(func() {
		if f.db != nil {
			f.changes.close()
			err = f.db.Close()
		}
	})
	return err
}

func (f *file) state() record.FileState {
	s := record.FileState{Path: f.path, InUse: f.db == nil, ReadOnly: f.readOnly}
	if f.opened != nil {
		current, err := os.Stat(f.path)
		s.Missing = err != nil || !os.SameFile(f.opened, current)
	}
	return s
}

// about returns a property of the file.
func (f *file) about(name string) (value string, err error) {
	err = f.db.View(func(tx *bolt.Tx) error {
		if b := tx.Bucket(aboutBucket); b != nil {
			value = string(b.Get([]byte(name)))
		}
		return nil
	})
	return value, err
}

func (f *file) setAbout(name, value string) error {
	return f.db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(aboutBucket)
		if err != nil {
			return err
		}
		return b.Put([]byte(name), []byte(value))
	})
}

// listKey returns the key of a name on a list, and with an empty name the beginning of all of them.
// A list's key may contain any bytes, so its length comes first.
func listKey(list, name string) []byte {
	key := binary.BigEndian.AppendUint16([]byte(listKeys), uint16(len(list))) //nolint:gosec // below 100 bytes
	return append(append(key, list...), name...)
}
