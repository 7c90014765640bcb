package graph

import (
	"cmp"
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/fibermsal/fibermsal/internal/redact"
)

// answerIDs are what Microsoft's support needs to find a call. They are logged under Graph's names.
type answerIDs struct {
	request, clientRequest, diagnostic string

	sentAs string // the client-request-id of the request, for responses that do not repeat it
}

// sent forgets the IDs of an earlier request.
func (i *answerIDs) sent(h http.Header) {
	*i = answerIDs{sentAs: h.Get("Client-Request-Id")}
}

// received takes over the IDs in the header of a response.
func (i *answerIDs) received(h http.Header) {
	i.request = h.Get("Request-Id")
	i.clientRequest = h.Get("Client-Request-Id")
	i.diagnostic = h.Get("X-Ms-Ags-Diagnostic")
}

// attrs returns the IDs that there are as attributes of a log line.
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

// maxErrorBody is how much of an error response is kept. Graph's are below 1 kB.
const maxErrorBody = 16 << 10

// errorContent is the content of an error response. Its services write innerError and innererror,
// and some put the IDs into the innermost one only; encoding/json ignores the case of names.
type errorContent struct {
	Error struct {
		Code, Message string
		InnerError    innerError
	}
}

type innerError struct {
	RequestID       string `json:"request-id"`
	ClientRequestID string `json:"client-request-id"`
	InnerError      *innerError
}

// readErrorBody reads an error response, as far as it has Graph's form, and takes over IDs that its
// header does not have.
func (c *call) readErrorBody() (content errorContent) {
	_ = json.Unmarshal(c.errorBody, &content) // what has another type is left out
	for inner := &content.Error.InnerError; inner != nil; inner = inner.InnerError {
		c.ids.request = cmp.Or(c.ids.request, inner.RequestID)
		c.ids.clientRequest = cmp.Or(c.ids.clientRequest, inner.ClientRequestID)
	}
	return content
}
