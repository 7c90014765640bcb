// Package storedtest reads and writes the files in testdata/stored: what a version of this module
// left in browsers and in storages. A later version must accept all of it, because in a rolling
// deployment one version begins what the next one completes.
package storedtest
