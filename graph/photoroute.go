package graph

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/entra"
)

// servePhoto serves GET /user/photo (threat C9). Pages use it as the source of an image, so the result
// is a picture whatever the photo service returns: the initials if there is no photo.
func servePhoto(c entra.Locals, header func(name string) string) (*entra.Reply, error) {
	size, err := requestedSize(c)
	if err != nil {
		return nil, err
	}
	picture, alone, err := photoOf(c, size, nil)
	if err != nil && !alone {
		return nil, err
	}
	if picture != nil {
		return pictureReply(pictureType(picture), picture, header("If-None-Match")), nil
	}
	user, ok := entra.FromContext(c)
	if !ok {
		return nil, entra.ErrLoginRequired
	}
	if err != nil {
		logPhoto(c, err)
		reply := pictureReply("image/svg+xml", drawInitials(user), "")
		reply.Header.Set("Cache-Control", "no-store, private") // the photo may be available a moment later
		reply.Header.Del("ETag")
		return reply, nil
	}
	return pictureReply("image/svg+xml", drawInitials(user), header("If-None-Match")), nil
}

// requestedSize returns the size in the query, which may be written as 96 or 96x96.
func requestedSize(c entra.Locals) (string, error) {
	requested := entra.RequestQuery(c).Get("size")
	if requested == "" {
		return "", nil
	}
	width, height, square := strings.Cut(requested, "x")
	pixels, err := strconv.ParseUint(width, 10, 16)
	if err != nil || square && width != height {
		return "", errRefused.New("photo_size", errors.New("the size of a photo must be a width in pixels, such as 96"))
	}
	return sizeOf(int(pixels)), nil
}

// logPhoto logs why the initials are shown instead of a photo.
func logPhoto(c entra.Locals, err error) {
	if app, ok := entra.TokenCredential(c).(interface{ Logger() *slog.Logger }); ok {
		app.Logger().LogAttrs(entra.RequestContext(c), slog.LevelWarn, "the photo of a user cannot be loaded", slog.Any("error", err))
	}
}
