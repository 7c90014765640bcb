package graph

import (
	"net/http"
	"slices"

	"github.com/fibermsal/fibermsal/entra"
)

// Photo returns the photo of the signed-in user, or nil without an error if the user has none. The
// photo is a JPEG, PNG, GIF or WebP picture, recognized by its bytes and not by Graph's Content-Type.
// For anything else, and for more than 4 MB, the error is [ErrBadAnswer].
//
// Guests and users without a mailbox have no photo, which Graph reports with various statuses. None of
// them leads to a sign-in as long as Graph accepts the token for other calls. A photo is cached for an
// hour, and the fact that a user has none for 15 minutes. The cache takes at most 16 MB for all users
// of the app.
func Photo(c entra.Locals, scopes ...string) ([]byte, error) {
	return PhotoOfSize(c, 0, scopes...)
}

// PhotoOfSize is like [Photo], but returns the photo in the smallest of Graph's sizes with at least the
// given width in pixels. The sizes are 48, 64, 96, 120, 240, 360, 432, 504 and 648. For 0, for more
// than 648, and if Graph does not have the photo in that size, it returns the photo as it was uploaded.
func PhotoOfSize(c entra.Locals, pixels int, scopes ...string) ([]byte, error) {
	picture, _, err := photoOf(c, sizeOf(pixels), scopes)
	return slices.Clone(picture), err
}

// photoOf returns the photo of the signed-in user from the cache, or loads it. alone reports that an
// error concerns only the photo and that everything else works for the user.
func photoOf(c entra.Locals, size string, scopes []string) (picture []byte, alone bool, err error) {
	credential := entra.TokenCredential(c)
	user, signedIn := entra.FromContext(c)
	cache := cacheOf(credential)
	if !signedIn {
		user, cache = new(entra.User), nil // the credential returns the error
	}
	if picture, known := cache.get(keyOf(user, size)); known {
		return picture, false, nil
	}
	if picture, known := cache.get(keyOf(user, "")); known && picture == nil {
		return nil, false, nil
	}
	l := photoLoader{credential: credential, scopes: scopes}
	picture, err = l.load(entra.RequestContext(c), size)
	switch {
	case err != nil:
	case picture == nil:
		cache.put(keyOf(user, ""), nil) // in no size
	default:
		cache.put(keyOf(user, size), picture)
	}
	return picture, l.alone, err
}

// sizes are the sizes in which Graph provides photos.
var sizes = []struct {
	pixels int
	name   string
}{
	{48, "48x48"},
	{64, "64x64"},
	{96, "96x96"},
	{120, "120x120"},
	{240, "240x240"},
	{360, "360x360"},
	{432, "432x432"},
	{504, "504x504"},
	{648, "648x648"},
}

// sizeOf returns the name of the smallest size with at least this width, or "" for the original.
func sizeOf(pixels int) string {
	for _, size := range sizes {
		if 0 < pixels && pixels <= size.pixels {
			return size.name
		}
	}
	return ""
}

// pictureType returns the media type of a picture that browsers display and that cannot contain
// a script, or "" (threat C9). SVG can contain one.
func pictureType(content []byte) string {
	switch sniffed := http.DetectContentType(content); sniffed {
	case "image/jpeg", "image/png", "image/gif", "image/webp":
		return sniffed
	}
	return ""
}

// isNoPhoto reports whether a status of the photo service means that there is no photo in a size. Every
// refusal does, because the service returns 404 with five different codes, 400 and 403 for users
// without a mailbox, 401 for guests, and 501 for some accounts. The caller has already ruled out that
// the token is refused. Statuses of a service that is busy or timed out allow no conclusion.
func isNoPhoto(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	case http.StatusNotImplemented:
		return true
	}
	return status >= http.StatusBadRequest && status < http.StatusInternalServerError
}
