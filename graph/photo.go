package graph

import (
	"context"
	"errors"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/autherr"
)

// maxPhoto is the size of the largest photo that Graph accepts.
const maxPhoto = 4 << 20

// Photo returns the photo of the signed-in user, or nil without an error if the user has none.
// It is a JPEG, PNG, GIF or WebP picture, judged by its bytes and not by Graph's Content-Type.
// For anything else, or more than 4 MB, the error is [ErrBadAnswer].
func Photo(c entra.Locals, scopes ...string) ([]byte, error) {
	return photoOf(entra.RequestContext(c), entra.TokenCredential(c), scopes)
}

func photoOf(ctx context.Context, credential azcore.TokenCredential, scopes []string) ([]byte, error) {
	a := newAdapter(credential, scopes)
	a.limit = maxPhoto
	picture, err := me(a).Photo().Content().Get(ctx, nil)
	switch {
	case hasNoPhoto(err):
		return nil, nil
	case err != nil:
		return nil, err
	case len(picture) == 0:
		return nil, nil
	case pictureType(picture) == "":
		return nil, errBadAnswer.New("no_picture", nil)
	}
	return picture, nil
}

// hasNoPhoto reports whether an error means that the user has no photo: a 404 with any of four
// codes, or a 501 for accounts without a mailbox.
func hasNoPhoto(err error) bool {
	e, ok := autherr.Find(err)
	return ok && (errors.Is(e, errNotFound) || errors.Is(e, errFailed) && e.Status == http.StatusNotImplemented)
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
