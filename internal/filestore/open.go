package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/fibermsal/fibermsal/internal/record"
)

// Options control Open.
type Options struct {
	// MustExist makes Open return an error if there is no file, and Key if there is no key, instead of
	// creating one.
	MustExist bool
	// Examine makes Open return a storage whose operations all fail if there is no file or another
	// process uses it.
	Examine bool
	// Wait is how long Open waits for another process that uses the file.
	Wait time.Duration
	// OpenFile is os.OpenFile, or a function of a test that fails like a disk.
	OpenFile func(name string, flag int, mode os.FileMode) (*os.File, error)
}

// DefaultWait is long enough for a process that is about to end while its successor starts.
const DefaultWait = 3 * time.Second

// Open opens a file, or creates it if it does not exist. The error does not contain the path, because
// it may be a secret that was put into the wrong variable.
func Open(path string, o Options) (*Storage, error) {
	s, err := open(path, o)
	if err != nil {
		return nil, withoutPath(err)
	}
	return s, nil
}

func open(path string, o Options) (*Storage, error) {
	err := prepare(path, o.MustExist)
	var f *file
	if err == nil {
		f, err = openFile(path, o)
	}
	if o.Examine && (errors.As(err, new(*InUseError)) || errors.Is(err, fs.ErrNotExist)) {
		return newStorage(&file{path: path, unusable: err}), nil
	}
	if err != nil {
		return nil, err
	}
	if err = f.checkFormat(); err == nil {
		err = restrict(path, f.opened) // only after it is known to be a session file
	}
	if err != nil {
		return nil, errors.Join(err, f.transactions.close())
	}
	f.changes, f.isTool = newChanges(f.transactions), o.MustExist
	return newStorage(f), nil
}

// openFile opens an existing file. If it is not writable, it is opened read-only, so that users stay
// signed in.
func openFile(path string, o Options) (*file, error) {
	wait := max(o.Wait, time.Millisecond) // for bbolt, 0 means forever
	if o.OpenFile == nil {
		o.OpenFile = os.OpenFile
	}
	f, err := openDB(path, &bolt.Options{Timeout: wait, FreelistType: bolt.FreelistMapType, OpenFile: o.OpenFile})
	if isReadOnly(err) {
		f, err = openDB(path, &bolt.Options{Timeout: wait, ReadOnly: true, OpenFile: o.OpenFile})
	}
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, &InUseError{}
	}
	return f, err
}

func openDB(path string, options *bolt.Options) (f *file, err error) {
	f = &file{path: path, readOnly: options.ReadOnly}
	open, opened := options.OpenFile, (*os.File)(nil)
	options.OpenFile = func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
		if opened, err = open(name, flag&^os.O_CREATE, mode); err == nil {
			f.opened, err = opened.Stat()
		}
		return opened, err
	}
	err = protected(func() (err error) {
		f.db, err = bolt.Open(path, fileMode, options)
		f.transactions = newTransactions(f.db)
		return err
	})
	switch {
	case err == nil && f.state().Missing: // replaced while this process waited
		return nil, errors.Join(&InUseError{}, f.db.Close())
	case errors.Is(err, errUnreadable):
		_ = opened.Close() // bbolt has not closed it
		return nil, damaged(err)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		return nil, damaged(err)
	}
	return f, err
}

func damaged(err error) error {
	return fmt.Errorf("the file is damaged, or not a session file: move it away, which signs all users out (a backup would bring ended sessions back): %w", err)
}

// checkFormat rejects files of other programs and of later versions.
func (f *file) checkFormat() error {
	found, err := f.about(formatName)
	switch {
	case err != nil:
		return err
	case found == "":
		return errors.New("the file is a bbolt file of another program; use a separate file for the sessions")
	case found != format:
		return errors.New("the file was written by a later version of this library")
	}
	return f.view(context.Background(), func(*tree) {})
}

// isReadOnly reports whether a file can be opened for reading only.
func isReadOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || isReadOnlyFileSystem(err)
}

// withoutPath returns an error without the path of a file.
func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Op, p.Err)
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return fmt.Errorf("%s: %w", l.Op, l.Err)
	}
	return err
}

var _ record.Embedded = (*Storage)(nil)
