// Package embedded keeps sessions in a file, for an app on a single server without Redis:
//
//	cfg.Storage, err = embedded.Open("/var/lib/myapp/sessions.db")
//
// or, if the Config is read from the environment and the app imports this package,
//
//	FIBERMSAL_STORAGE_FILE=/var/lib/myapp/sessions.db
//
// Users then stay signed in when the app is restarted, even if it is killed. Sessions are listed and
// ended, and tokens renewed for jobs, as on Redis, except that only one process at a time can use
// the file: not Fiber's Prefork, not a second instance, and cmd/fibermsal only while the app is
// stopped. For more than one process use Redis.
//
// The file is a bbolt database. It must be on a local disk.
package embedded

import (
	"fmt"

	"github.com/fibermsal/fibermsal/internal/filestore"
	"github.com/fibermsal/fibermsal/internal/storagefile"
)

// Storage is an open file, for Config.Storage. It also serves middlewares of Fiber v2 and v3, such
// as sessions, as any of Fiber's storages does; their values are separate, and Reset removes only
// these. The app closes it, after the Auth.
type Storage struct {
	*filestore.Storage
}

// Open opens a file of sessions. If there is none, a new one is made, and so is its directory if only
// that is missing. Both are accessible to the user of the process only. Without Config.Keys the key
// that seals the sessions is kept beside the file, with .key at the end of its name.
//
// If another process uses the file, Open waits for its end for 3 seconds at most, so that an app can
// be replaced by its next version. A file that cannot be written is opened for reading: users stay
// signed in then, and sign-ins get 503. A damaged file is an error and is left as it is.
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
