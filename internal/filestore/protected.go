package filestore

import (
	"errors"
	"fmt"
	"runtime/debug"
)

var errUnreadable = errors.New("the file is damaged, or its disk cannot be read")

// InUseError means that another process uses the file.
type InUseError struct{}

// Error returns what to do.
func (*InUseError) Error() string {
	return "another process uses the file, and only one process at a time can, those of Prefork included: " +
		"stop the app before another program opens the file, or let the app itself do the work; several processes need Redis"
}

// protected runs call. It converts a fault because of an unreadable page, and a panic of bbolt because
// of a damaged one, to an error. Otherwise they would end the process.
func protected(call func() error) (err error) {
	before := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(before)
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errUnreadable, p)
		}
	}()
	return call()
}
