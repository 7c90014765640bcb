package flow

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"

	"github.com/fibermsal/fibermsal/internal/returnto"
)

// Destination is the path to which a sign-in returns, and the name of the page that requires the
// sign-in. They differ if the page's path is too long to return to.
type Destination struct {
	path string
	page string
}

// pageName matches the name of a page, which is a short hash of its whole path.
var pageName = regexp.MustCompile(`^[A-Za-z0-9_-]{8}$`)

// pageOf returns the name of the page at a path. It ignores the fragment, which requests do not contain.
func pageOf(path string) string {
	path, _, _ = strings.Cut(path, "#")
	sum := sha256.Sum256([]byte(path))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// DestinationOf returns the destination for a page's path after cleaning the path. If the path is not
// acceptable, it returns the home page.
func DestinationOf(path string) Destination {
	clean := returnto.Clean(path)
	if clean != returnto.Home || path == "" {
		path = clean
	}
	return Destination{clean, pageOf(path)}
}

// ForPage returns the destination with another page name, if that is valid.
func (d Destination) ForPage(name string) Destination {
	if pageName.MatchString(name) {
		d.page = name
	}
	return d
}

// WithoutQuery returns the destination without the query of its path. The name of its page is then that
// of the shortened path.
func (d Destination) WithoutQuery() Destination {
	path, _, _ := strings.Cut(d.Path(), "?")
	return Destination{path, pageOf(path)}
}

// Path returns the path. It is cleaned again on every use, because the rules may have become
// stricter since it was sealed.
func (d Destination) Path() string { return returnto.Clean(d.path) }

// Page returns the name of the page if it is not the path's, and "" otherwise.
func (d Destination) Page() string {
	if d.page == pageOf(d.path) {
		return ""
	}
	return d.page
}

// IsSamePage reports whether another destination is for the same page.
func (d Destination) IsSamePage(other Destination) bool { return d.page == other.page }

// Home returns a destination that leads to the home page, for the same page name.
func (d Destination) Home() Destination { return Destination{returnto.Home, d.page} }
