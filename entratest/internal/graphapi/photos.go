package graphapi

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/photo"
)

// photoSizes are the sizes of /me/photos/{size}.
var photoSizes = map[string]int{
	"48x48": 48, "64x64": 64, "96x96": 96, "120x120": 120, "240x240": 240,
	"360x360": 360, "432x432": 432, "504x504": 504, "648x648": 648,
}

func isPhotoSize(rest string) bool {
	return strings.HasPrefix(rest, "photos/") && strings.HasSuffix(rest, "/$value") && strings.Count(rest, "/") == 2
}

// servePhoto is photo/$value and photos/{size}/$value.
func (a *API) servePhoto(w http.ResponseWriter, r *http.Request, path string) {
	about := a.get(w, r, path, readUser)
	if about == nil {
		return
	}
	jpeg, fail := pictureOf(about, path)
	if fail != nil {
		fail.write(w)
		return
	}
	sum := sha256.Sum256(jpeg)
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("ETag", `"`+strings.ToUpper(hex.EncodeToString(sum[:16]))+`"`)
	_, _ = w.Write(jpeg) // #nosec G705 -- an image of the test; fails only if the client has gone
}

// pictureOf returns the photo in the size that the path names.
func pictureOf(about *directory.Account, path string) ([]byte, *failure) {
	out := about.Photo
	_, _, rest := split(path)
	if size, ok := strings.CutPrefix(rest, "photos/"); ok {
		pixels, supported := photoSizes[strings.ToLower(strings.TrimSuffix(size, "/$value"))]
		if !supported {
			return nil, badQuery("The requested photo size is not supported.")
		}
		out = photo.Resize(about.Photo, pixels)
	}
	if about.Photo == nil {
		return nil, noPhoto(about)
	}
	return out, nil
}

// servePhotoMetadata is photo. entra: an absent photo has metadata, too, those of an image of one pixel.
func (a *API) servePhotoMetadata(w http.ResponseWriter, r *http.Request, path string) {
	about := a.get(w, r, path, readUser)
	if about == nil {
		return
	}
	pixels, kind := 1, "image/gif"
	if about.Photo != nil {
		kind, pixels = "image/jpeg", photo.Width(about.Photo)
	}
	number := strconv.Itoa(pixels)
	writeObject(w, []property{
		{"@odata.context", a.origins.GraphURL() + "/$metadata#users('" + about.ID + "')/photo/$entity"},
		{"@odata.mediaContentType", kind},
		{"id", number + "X" + number},
		{"height", pixels},
		{"width", pixels},
	})
}
