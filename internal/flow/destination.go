package flow

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"

	"github.com/fibermsal/fibermsal/internal/returnto"
)

// Destination is where a sign-in leads, and for which page it is: a page whose path is
// too long to come back to is counted all the same.
type Destination struct {
	path string
	page string
}

// pageName is what a page is counted by: a short hash of its whole path.
var pageName = regexp.MustCompile(`^[A-Za-z0-9_-]{8}$`)

func pageOf(path string) string {
	sum := sha256.Sum256([]byte(path))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// DestinationOf cleans the path of a page. One that is not acceptable leads home.
func DestinationOf(path string) Destination {
	clean := returnto.Clean(path)
	if clean != returnto.Home || path == "" {
		path = clean
	}
	return Destination{clean, pageOf(path)}
}

// For returns a destination for the page of this name, if it is one.
func (d Destination) For(page string) Destination {
	if pageName.MatchString(page) {
		d.page = page
	}
	return d
}

// Path is where to go. It is cleaned again on every use: rules may have become stricter
// since it was sealed.
func (d Destination) Path() string { return returnto.Clean(d.path) }

// Page names the page if the path does not, and is empty otherwise.
func (d Destination) Page() string {
	if d.page == pageOf(d.path) {
		return ""
	}
	return d.page
}

// home is the same page's destination without its path.
func (d Destination) home() Destination { return Destination{returnto.Home, d.page} }
