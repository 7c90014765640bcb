package graphapi

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

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
	jpeg, fail := pictureOf(about.Photo, path)
	if fail != nil {
		fail.write(w)
		return
	}
	sum := sha256.Sum256(jpeg)
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("ETag", `"`+strings.ToUpper(hex.EncodeToString(sum[:16]))+`"`)
	_, _ = w.Write(jpeg) // fails only if the client has gone
}

// pictureOf returns the photo in the size that the path names.
func pictureOf(original []byte, path string) ([]byte, *failure) {
	out := original
	_, _, rest := split(path)
	if size, ok := strings.CutPrefix(rest, "photos/"); ok {
		pixels, supported := photoSizes[strings.ToLower(strings.TrimSuffix(size, "/$value"))]
		if !supported {
			return nil, badQuery("The requested photo size is not supported.")
		}
		out = photo.Resize(original, pixels)
	}
	if out == nil {
		return nil, &failure{
			status: http.StatusNotFound, code: "ImageNotFound", message: "Exception of type 'Microsoft.Fast.Profile.Core.Exception.ImageNotFoundException' was thrown.",
		}
	}
	return out, nil
}
