package web

import (
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// Limits for the cookies in a log line, because anyone can send any cookies.
const (
	maxCookieNames = 20
	maxCookieName  = 64
)

// withCircumstances adds details to the error for a response without its sign-in that usually explain
// it: the names of the cookies in the request, and the host if it is not that of PublicURL.
func (h *routeHandler) withCircumstances(err error) error {
	e, ok := autherr.Find(err)
	if !ok {
		return err
	}
	attrs := []slog.Attr{slog.Any("cookies", h.cookieNames())}
	if public := hostOf(h.Origin); !strings.EqualFold(withoutDefaultPort(h.in.Host), withoutDefaultPort(public)) {
		attrs = append(attrs, slog.String("host", redact.Text(h.in.Host)), slog.String("public_url", h.Origin))
	}
	return autherr.WithAttrs(e, attrs...)
}

// cookieNames returns the names of the request's cookies. Names that the library has not set are
// shortened and redacted, because they may contain anything.
func (h *routeHandler) cookieNames() []string {
	names := []string{}
	for name := range h.in.Cookies {
		if name != h.CookieName && name != h.Jar.BrowserName() && name != h.Jar.TriesName() && !h.Jar.OwnsPath(name) {
			name = redact.Text(name[:min(len(name), maxCookieName)])
		}
		if len(names) < maxCookieNames && name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func hostOf(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Host
}

func withoutDefaultPort(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
}
