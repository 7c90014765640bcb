// Package embedded keeps sessions in a file, for an app on a single server without Redis:
//
//	cfg.Storage, err = embedded.Open("/var/lib/myapp/sessions.db")
//
// or, if the Config is read from the environment and the app imports this package,
//
//	FIBERMSAL_STORAGE_FILE=/var/lib/myapp/sessions.db
//
// Users stay signed in when the app is restarted or killed. Sessions can be listed and ended, and
// tokens renewed for jobs, as on Redis. Only one process at a time can use the file, so it is not for
// Fiber's Prefork or several instances, and cmd/fibermsal can change it only while the app is stopped.
// For more than one process use Redis.
//
// The file is a bbolt database. It must be on a local disk.
package embedded

import (
	"fmt"

	"github.com/fibermsal/fibermsal/internal/filestore"
	"github.com/fibermsal/fibermsal/internal/storagefile"
)

// Storage is an open file, for Config.Storage. Like any of Fiber's storages, it also serves
// middlewares of Fiber v2 and v3, such as session. Their values are separate from the sessions of
// users, and Reset removes only these values. The app closes it, after the Auth.
type Storage struct {
	*filestore.Storage
}

// Open opens a file of sessions. If there is none, it creates one, and the directory as well if the
// directory's parent exists. Only the user of the process can access them. Without Config.Keys, the key
// that seals the sessions is kept beside the file, under the same name with .key appended.
//
// If another process uses the file, Open waits up to 3 seconds for that process to end, so that an app
// can be replaced by its next version. If the file is not writable, it is opened for reading: users
// stay signed in, and sign-ins get 503. For a damaged file Open returns an error and leaves the file
// as it is.
func Open(path string) (*Storage, error) {
	s, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("fibermsal: embedded.Open of %q: %w", path, err)
	}
	return s, nil
}

func open(path string) (*Storage, error) {
	s, err := filestore.Open(path, filestore.Options{Wait: filestore.DefaultWait})
	if err != nil {
		return nil, err
	}
	return &Storage{s}, nil
}

func init() {
	storagefile.Register(func(path string) (storagefile.Storage, error) { return open(path) })
}
