//go:build !unix

package filestore

func isReadOnlyFileSystem(error) bool { return false }
