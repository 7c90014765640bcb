package graph

import (
	"context"
	"errors"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

// maxPhoto is the most that Graph accepts as a photo.
const maxPhoto = 4 << 20

// Photo returns the photo of the signed-in user, or nil without an error if the
// user has none. It is a JPEG, PNG, GIF or WebP picture, judged by its bytes and
// not by what Graph calls it; anything else, or more than 4 MB, is
// [ErrBadAnswer].
func Photo(c *fiber.Ctx, scopes ...string) ([]byte, error) {
	return photoOf(c.UserContext(), fibermsal.TokenCredential(c), scopes)
}

func photoOf(ctx context.Context, credential azcore.TokenCredential, scopes []string) ([]byte, error) {
	a := newAdapter(credential, scopes)
	a.limit = maxPhoto
	picture, err := me(a).Photo().Content().Get(ctx, nil)
	switch {
	case noPhoto(err):
		return nil, nil
	case err != nil:
		return nil, err
	case len(picture) == 0:
		return nil, nil
	case pictureType(picture) == "":
		return nil, badAnswer("no_picture", nil)
	}
	return picture, nil
}

// noPhoto: a missing photo is a 404 with any of four codes, and a 501 for accounts
// without a mailbox.
func noPhoto(err error) bool {
	var e *fibermsal.Error
	return errors.As(err, &e) &&
		(errors.Is(e, ErrNotFound) || errors.Is(e, ErrFailed) && e.Status == http.StatusNotImplemented)
}

// pictureType returns the media type of a picture that browsers show and that
// cannot carry a script, or nothing (threat C9). Not SVG, which can.
func pictureType(content []byte) string {
	switch sniffed := http.DetectContentType(content); sniffed {
	case "image/jpeg", "image/png", "image/gif", "image/webp":
		return sniffed
	}
	return ""
}
