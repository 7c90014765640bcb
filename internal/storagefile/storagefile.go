// Package storagefile connects the variable STORAGE_FILE with package embedded if the app imports that
// package. Apps that do not import it do not contain bbolt.
package storagefile

import (
	"errors"
	"sync/atomic"

	"github.com/fibermsal/fibermsal/internal/record"
)

// Storage is an embedded storage that also serves the app's middlewares.
type Storage interface {
	record.Embedded
	Reset() error
	Close() error
}

// ErrNotLinked means that the app does not contain package embedded.
var ErrNotLinked = errors.New("this program lacks the package that reads such files; add to its imports: _ \"github.com/fibermsal/fibermsal/embedded\"")

var opener atomic.Pointer[func(path string) (Storage, error)]

// Register sets the function that opens files.
func Register(open func(path string) (Storage, error)) { opener.Store(&open) }

// Open opens a file.
func Open(path string) (Storage, error) {
	open := opener.Load()
	if open == nil {
		return nil, ErrNotLinked
	}
	return (*open)(path)
}
