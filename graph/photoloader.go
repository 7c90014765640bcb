package graph

import (
	"context"
	"errors"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	abstractions "github.com/microsoft/kiota-abstractions-go"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// maxPhoto is the size of the largest photo that Graph accepts.
const maxPhoto = 4 << 20

// photoLoader gets the photo of a user from Graph.
type photoLoader struct {
	credential azcore.TokenCredential
	scopes     []string
	alone      bool // the error is one of the photo service; the token works
}

// load returns a photo, or nil if the user has none. If the photo is not available in the given size,
// it returns the photo as it was uploaded.
func (l *photoLoader) load(ctx context.Context, size string) ([]byte, error) {
	picture, err := l.loadSize(ctx, size)
	if picture == nil && err == nil && size != "" {
		return l.loadSize(ctx, "")
	}
	return picture, err
}

func (l *photoLoader) loadSize(ctx context.Context, size string) ([]byte, error) {
	picture, made, err := l.get(ctx, size)
	if made.status == http.StatusUnauthorized && requiresUser(err) {
		renewed, failure := l.checkToken(ctx)
		switch {
		case failure != nil:
			l.alone = false
			return nil, failure
		case renewed:
			picture, made, err = l.get(ctx, size)
		}
	}
	l.alone = made.sent > 0
	switch {
	case err != nil && isNoPhoto(made.status):
		return nil, nil
	case err != nil:
		return nil, err
	case len(picture) == 0:
		return nil, nil
	case pictureType(picture) == "":
		return nil, autherr.WithAttrs(errBadAnswer.New("no_picture", nil), made.ids.attrs()...)
	}
	return picture, nil
}

// get requests a photo. It does not replace a token that is refused, because the photo service refuses
// valid tokens of guests, and each replacement would be a call to Entra.
func (l *photoLoader) get(ctx context.Context, size string) ([]byte, *call, error) {
	a := newAdapter(l.credential, l.scopes)
	a.limit, a.followsDownloads, a.transport.replace = maxPhoto, false, nil
	path := "/me/photo/$value"
	if size != "" {
		path = "/me/photos/" + size + "/$value"
	}
	return a.exchange(ctx, newRequest(abstractions.GET, path, "image/*"))
}

// requiresUser reports whether an error would lead to a sign-in.
func requiresUser(err error) bool {
	e, ok := autherr.Find(err)
	return ok && autherr.NeedsSignIn(e)
}

// checkToken requests the user's own properties. It returns an error if Graph does not accept the token
// for these either, and otherwise whether the token has been replaced in the meantime.
func (l *photoLoader) checkToken(ctx context.Context) (renewed bool, err error) {
	options := policy.TokenRequestOptions{Scopes: l.scopes}
	before, err := l.credential.GetToken(ctx, options)
	if err != nil {
		return false, err
	}
	_, _, err = newAdapter(l.credential, l.scopes).exchange(ctx, newRequest(abstractions.GET, "/me?$select=id", "application/json"))
	if err != nil && !errors.Is(err, errAccessDenied) { // the token is valid but lacks User.Read
		return false, err
	}
	after, err := l.credential.GetToken(ctx, options)
	return after.Token != before.Token, err
}
