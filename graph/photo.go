package graph

import (
	"net/http"
	"slices"

	"github.com/fibermsal/fibermsal/entra"
)

// Photo returns the photo of the signed-in user, or nil without an error if the user has none.
// It is a JPEG, PNG, GIF or WebP picture, recognized by its bytes and not by Graph's Content-Type.
// For anything else, or more than 4 MB, the error is [ErrBadAnswer].
//
// Guests and users without a mailbox have no photo, and Graph says so with various statuses. As long
// as Graph accepts the token for other calls, none of these requires a sign-in. Photos are cached for an
// hour, and for 15 minutes that a user has none. The cache takes at most 16 MB for all users of the app.
func Photo(c entra.Locals, scopes ...string) ([]byte, error) {
	return PhotoOfSize(c, 0, scopes...)
}

// PhotoOfSize returns what [Photo] does, in the smallest of Graph's sizes that has at least the
// given width in pixels: 48, 64, 96, 120, 240, 360, 432, 504 or 648. For 0, for more than 648, and if
// Graph does not have the photo in that size, it is the photo as it was uploaded.
func PhotoOfSize(c entra.Locals, pixels int, scopes ...string) ([]byte, error) {
	picture, _, err := photoOf(c, sizeOf(pixels), scopes)
	return slices.Clone(picture), err
}

// photoOf returns the photo of the signed-in user from the cache, or loads it. An error is that of
// the photo alone if everything else works for the user.
func photoOf(c entra.Locals, size string, scopes []string) (picture []byte, alone bool, err error) {
	credential := entra.TokenCredential(c)
	user, signedIn := entra.FromContext(c)
	cache := cacheOf(credential)
	if !signedIn {
		user, cache = new(entra.User), nil // the credential has the error
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

// sizes are those that Graph has photos in.
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

// sizeOf returns the name of the smallest size with so many pixels, or "" for the original.
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

// isNoPhoto reports whether a status of the photo service means that there is no photo in a size. It
// is any refusal, because the service answers 404 with five codes, 400 and 403 to users without a
// mailbox, 401 to guests, and 501 to some accounts. A token that is refused has been ruled out
// before, and a service that is busy, or has waited in vain, has not said anything.
func isNoPhoto(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	case http.StatusNotImplemented:
		return true
	}
	return status >= http.StatusBadRequest && status < http.StatusInternalServerError
}
