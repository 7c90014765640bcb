package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	bolt "go.etcd.io/bbolt"
)

const (
	directoryMode = 0o700
	// othersWrite are the write permissions of all users except the owner and group. In a sticky
	// directory, users cannot remove files of others.
	othersWrite = 0o002
	allOthers   = 0o077
)

// prepare checks the file and its directory, and creates them if they are missing.
func prepare(path string, mustExist bool) error {
	directory := filepath.Dir(path)
	if !mustExist {
		switch err := os.Mkdir(directory, directoryMode); {
		case errors.Is(err, fs.ErrNotExist):
			return errors.New("no such file or directory: the directory of the file and its parent are missing; create the directory for the app's user")
		case err != nil && !errors.Is(err, fs.ErrExist):
			return err
		}
	}
	if err := checkDirectory(directory); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && !mustExist {
		return create(path)
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a file")
	}
	return checkOwner(path)
}

// checkDirectory rejects a directory in which other users could replace the file with an earlier one,
// which would restore ended sessions.
func checkDirectory(directory string) error {
	info, err := os.Stat(directory)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return errors.New("the directory of the file is not one")
	case runtime.GOOS != "windows" && info.Mode().Perm()&othersWrite != 0 && info.Mode()&fs.ModeSticky == 0:
		return errors.New("everybody on this machine can replace the file, because all users may write to its directory; use a directory that belongs to the app, such as a subdirectory")
	}
	return nil
}

// checkOwner rejects a file of another user in a directory in which all users can create files, such as
// /tmp, because it may contain, for example, a key that the other user knows. It examines links
// themselves and not their targets.
func checkOwner(path string) error {
	directory, err := os.Stat(filepath.Dir(path))
	if err != nil || directory.Mode()&fs.ModeSticky == 0 || directory.Mode().Perm()&othersWrite == 0 {
		return err
	}
	info, err := os.Lstat(path)
	if err == nil && isOfAnotherUser(info) {
		err = errors.New("another user has made the file, in a directory in which all users can create files; use a directory that belongs to the app")
	}
	return err
}

// restrict removes the rights of other users, which a restored backup or a Kubernetes volume may have
// added.
func restrict(path string, info fs.FileInfo) error {
	if runtime.GOOS == "windows" || info.Mode().Perm()&allOthers == 0 {
		return nil
	}
	if err := os.Chmod(path, info.Mode().Perm()&^allOthers); err != nil {
		return fmt.Errorf("other users of this machine have rights to the file, and these rights cannot be removed: %w", err)
	}
	return nil
}

// create creates a new file under a temporary name and then renames it, because a file whose creation
// was interrupted could not be opened.
func create(path string) (err error) {
	scratch, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // with mode 0600
	if err != nil {
		return err
	}
	name := scratch.Name()
	defer func() { _ = os.Remove(name) }()
	if err := scratch.Close(); err != nil {
		return err
	}
	if err := initialize(name); err != nil {
		return err
	}
	return publish(name, path)
}

func initialize(name string) (err error) {
	db, err := bolt.Open(name, fileMode, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Update(func(tx *bolt.Tx) error {
		for _, bucket := range [][]byte{valuesBucket, expiriesBucket, aboutBucket} {
			if _, err := tx.CreateBucketIfNotExists(bucket); err != nil {
				return err
			}
		}
		return tx.Bucket(aboutBucket).Put([]byte(formatName), []byte(format))
	})
}

// publish gives a complete file its final name, unless another process was faster.
func publish(name, path string) error {
	err := os.Link(name, path)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil { // a file system without links
		err = os.Rename(name, path)
	}
	if err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// syncDirectory makes a new name survive a loss of power. Windows has no such call.
func syncDirectory(directory string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(directory) //nolint:gosec // the operator's own
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
