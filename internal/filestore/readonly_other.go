//go:build !unix

package filestore

import "io/fs"

func isReadOnlyFileSystem(error) bool { return false }

func isOfAnotherUser(fs.FileInfo) bool { return false }
