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
	// MustExist makes Open return an error if there is no file, in place of a new one.
	MustExist bool
	// AllowInUse makes Open return a storage, all operations of which fail, if another process
	// uses the file.
	AllowInUse bool
	// Wait is how long Open waits for a process that uses the file.
	Wait time.Duration
}

// DefaultWait is for a process that is about to end while the next one starts.
const DefaultWait = 3 * time.Second

const (
	format     = "1"
	formatName = "format"
)

// InUseError means that another process uses the file.
type InUseError struct{ path string }

// Error says what to do.
func (e *InUseError) Error() string {
	return fmt.Sprintf("the file %s is in use by another process. Only one process at a time can use it, which includes those of Prefork: "+
		"stop the app before another program opens the file, or let the app itself do the work; several processes need Redis", e.path)
}

// Open opens a file, and makes a new one if there is none.
func Open(path string, o Options) (*Storage, error) {
	s, err := open(path, o)
	if err != nil {
		return nil, withPath(path, err)
	}
	return s, nil
}

func open(path string, o Options) (*Storage, error) {
	if err := prepare(path, o.MustExist); err != nil {
		return nil, err
	}
	f, err := openFile(path, o.Wait)
	var inUse *InUseError
	if errors.As(err, &inUse) && o.AllowInUse {
		return newStorage(&file{path: path}), nil
	}
	if err != nil {
		return nil, err
	}
	if err := f.checkFormat(); err != nil {
		return nil, errors.Join(err, f.db.Close())
	}
	f.changes = newChanges(f.db)
	return newStorage(f), nil
}

// openFile opens an existing file: for reading only if it is not writable, so that users stay
// signed in.
func openFile(path string, wait time.Duration) (*file, error) {
	f, err := openDB(path, &bolt.Options{Timeout: max(wait, time.Millisecond), FreelistType: bolt.FreelistMapType})
	if isReadOnly(err) {
		f, err = openDB(path, &bolt.Options{Timeout: max(wait, time.Millisecond), ReadOnly: true})
	}
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, &InUseError{path}
	}
	return f, err
}

func openDB(path string, options *bolt.Options) (f *file, err error) {
	f = &file{path: path, readOnly: options.ReadOnly}
	options.OpenFile = func(name string, flag int, mode os.FileMode) (*os.File, error) {
		opened, err := os.OpenFile(name, flag&^os.O_CREATE, mode) //nolint:gosec // the operator's own
		if err == nil {
			f.opened, err = opened.Stat()
		}
		return opened, err
	}
	defer func() {
		if p := recover(); p != nil { // bbolt, of a file with damaged pages
			f, err = nil, damaged(fmt.Errorf("%v", p))
		}
	}()
	f.db, err = bolt.Open(path, fileMode, options)
	switch {
	case err == nil && f.state().Missing: // replaced while this process waited
		return nil, errors.Join(&InUseError{path}, f.db.Close())
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		return nil, damaged(err)
	}
	return f, err
}

func damaged(err error) error {
	return fmt.Errorf("the file is damaged, or not a session file: restore it, or move it away, which signs all users out: %w", err)
}

// checkFormat rejects files of other programs and of later versions.
func (f *file) checkFormat() error {
	found, err := f.about(formatName)
	switch {
	case err != nil:
		return err
	case found == "":
		return errors.New("the file is a bbolt file of another program; name one of its own for the sessions")
	case found != format:
		return errors.New("the file was written by a later version of this library")
	}
	return f.view(context.Background(), func(*tree) {})
}

// isReadOnly reports whether a file can be opened for reading only.
func isReadOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || isReadOnlyFileSystem(err)
}

// withPath adds the path to errors that do not have it.
func withPath(path string, err error) error {
	var inUse *InUseError
	if errors.As(err, &inUse) || errors.As(err, new(*fs.PathError)) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

var _ record.Embedded = (*Storage)(nil)
