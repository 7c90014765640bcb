// Package door has an interface, an implementation, and a caller that knows the interface only.
package door

type door interface{ open() }
