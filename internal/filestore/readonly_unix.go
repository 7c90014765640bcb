//go:build unix

package filestore

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

func isReadOnlyFileSystem(err error) bool { return errors.Is(err, syscall.EROFS) }

func isOfAnotherUser(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) != os.Geteuid()
}
