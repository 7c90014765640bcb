// Package embedded keeps sessions in a file, for an app on a single server without Redis:
//
//	cfg.Storage, err = embedded.Open("/var/lib/myapp/sessions.db")
//
// or, if the Config is read from the environment and the app imports this package,
//
//	FIBERMSAL_STORAGE_FILE=/var/lib/myapp/sessions.db
//
// Users stay signed in when the app is restarted or killed. As with Redis, sessions can be listed and
// ended, and jobs can renew tokens. Only one process at a time can use the file, so it does not work
// with Fiber's Prefork or with several instances, and cmd/fibermsal can change it only while the app is
// stopped. For more than one process, use Redis.
//
// The file is a bbolt database. It must be on a local disk.
package embedded

import (
	"fmt"

	"github.com/fibermsal/fibermsal/internal/filestore"
	"github.com/fibermsal/fibermsal/internal/storagefile"
)

// Storage is an open file, for Config.Storage. Middlewares of Fiber v2 and v3, such as session, can
// also use it as a storage; their values are separate from the users' sessions, and Reset removes only
// these values. The app must close it after the Auth. It is safe for concurrent use.
type Storage struct {
	*filestore.Storage
}

// Open opens the file at path. If it does not exist, Open creates it, and also its directory if the
// parent of the directory exists. Only the user of the process can access them. Without Config.Keys,
// the key that seals the sessions is kept next to the file, under the same name with .key appended.
//
// If another process uses the file, Open waits up to 3 seconds for that process to end, so that a new
// version of the app can replace the running one. If the file is not writable, it is opened read-only:
// users stay signed in, but sign-ins get 503. If the file is damaged, Open returns an error and does
// not change the file.
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
