// Package storedtest reads and writes the files in testdata/stored, which contain data that a version
// of this module has left in browsers and in storages. A later version must accept all of it, because
// in a rolling deployment one version may begin an operation that the next one completes.
package storedtest
