package record

// Embedded is a storage with its own backend, in a file that only this process uses.
type Embedded interface {
	Storage
	Backend() Backend
	// Key returns the key that is kept next to the file for a Config without Keys. The first call
	// creates it.
	Key() ([]byte, error)
	// State examines the file.
	State() FileState
}

// FileState is the state of an embedded storage's file.
type FileState struct {
	Path string
	// InUse is set if another process uses the file. Its content is then unknown.
	InUse bool
	// New is set if there is no file yet and none was created.
	New bool
	// ReadOnly is set if the file was opened for reading only, because the file or its file system
	// is not writable.
	ReadOnly bool
	// Missing is set if the opened file is no longer at its path.
	Missing bool
}

// RefusedError means that an operation failed although the storage is up, so that others may succeed.
type RefusedError struct{ Err error }

// Error returns the text of the cause.
func (r *RefusedError) Error() string { return r.Err.Error() }

// Unwrap returns the cause.
func (r *RefusedError) Unwrap() error { return r.Err }
