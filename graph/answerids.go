package graph

import (
	"cmp"
	"log/slog"
	"net/http"

	"github.com/fibermsal/fibermsal/internal/redact"
)

// answerIDs are the IDs with which Microsoft's support can find a call. They are logged under Graph's
// names.
type answerIDs struct {
	request, clientRequest, diagnostic string

	sentAs string // the client-request-id of the request, for responses that do not repeat it
}

// sent resets the IDs before another request.
func (i *answerIDs) sent(h http.Header) {
	*i = answerIDs{sentAs: h.Get("Client-Request-Id")}
}

// received stores the IDs in the header of a response.
func (i *answerIDs) received(h http.Header) {
	i.request = h.Get("Request-Id")
	i.clientRequest = h.Get("Client-Request-Id")
	i.diagnostic = h.Get("X-Ms-Ags-Diagnostic")
}

// attrs returns the known IDs as attributes of a log line.
func (i *answerIDs) attrs() (attrs []slog.Attr) {
	for _, id := range []struct{ name, value string }{
		{"request-id", i.request}, {"client-request-id", cmp.Or(i.clientRequest, i.sentAs)}, {"x-ms-ags-diagnostic", i.diagnostic},
	} {
		if id.value != "" {
			attrs = append(attrs, slog.String(id.name, redact.Text(id.value)))
		}
	}
	return attrs
}
