package clientauth

import (
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
)

const basicScheme = "Basic"

// WithHeader returns the form of a token call, with the client id and secret of its Authorization
// header added (RFC 6749, 2.3.1). Headers of other schemes are ignored.
func WithHeader(r *http.Request) (url.Values, *aadsts.Error) {
	form := r.PostForm
	if !usesHeader(r) {
		return form, nil
	}
	id, secret, ok := readHeader(r)
	if !ok {
		return form, aadsts.New(9002313)
	}
	inForm := form.Get("client_id")
	// RFC 6749, 2.3: one method in each request. The id may be in both places.
	if form.Has("client_secret") || form.Has("client_assertion") || (inForm != "" && !strings.EqualFold(inForm, id)) {
		return form, aadsts.New(9002313)
	}
	form = maps.Clone(form)
	form.Set("client_id", id)
	form.Set("client_secret", secret)
	return form, nil
}

// readHeader reads id and secret. Each of them is form-urlencoded.
func readHeader(r *http.Request) (id, secret string, ok bool) {
	id, secret, ok = r.BasicAuth()
	if !ok {
		return "", "", false
	}
	id, malformedID := url.QueryUnescape(id)
	secret, malformedSecret := url.QueryUnescape(secret)
	return id, secret, malformedID == nil && malformedSecret == nil
}

func usesHeader(r *http.Request) bool { return HeaderSecret(r) != "" }

// HeaderSecret returns the secret in the encoding of the header, or "" if there is no such header.
func HeaderSecret(r *http.Request) string {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, basicScheme) {
		return ""
	}
	return strings.TrimSpace(value)
}

// Challenge sets the header that RFC 6749, 5.2, requires if a client that used the Authorization header
// is refused.
func Challenge(w http.ResponseWriter, r *http.Request, fail *aadsts.Error) {
	if fail.Status == http.StatusUnauthorized && usesHeader(r) {
		w.Header().Set("WWW-Authenticate", basicScheme+` realm="entratest"`)
	}
}
