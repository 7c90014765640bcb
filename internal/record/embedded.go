package record

// Embedded is a storage in a file that only this process uses, with a backend of its own.
type Embedded interface {
	Storage
	Backend() Backend
	// Key returns the key that is kept beside the file for a Config without Keys, and makes it
	// at the first call.
	Key() ([]byte, error)
	// State examines the file.
	State() FileState
}

// FileState is the state of an embedded storage's file.
type FileState struct {
	Path string
	// InUse is set if another process uses the file, so that nothing is known about its content.
	InUse bool
	// New is set if there is no file yet, and none was made.
	New bool
	// ReadOnly is set if the file was opened for reading only, because the file or its file system
	// is not writable.
	ReadOnly bool
	// Missing is set if there is another file, or none, under the path since it was opened.
	Missing bool
}

// RefusedError is the error of a storage that is up: one operation failed, and others may succeed.
type RefusedError struct{ Err error }

// Error returns the text of the cause.
func (r *RefusedError) Error() string { return r.Err.Error() }

// Unwrap returns the cause.
func (r *RefusedError) Unwrap() error { return r.Err }
