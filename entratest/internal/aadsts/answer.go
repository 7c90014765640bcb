package aadsts

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/ids"
)

const timestampLayout = "2006-01-02 15:04:05Z"

// Trace identifies one response in Microsoft's logs.
type Trace struct {
	id, correlation string
	at              time.Time
}

// NewTrace returns a trace, with the correlation id of the request if it has one.
func NewTrace(r *http.Request) Trace {
	t := Trace{id: ids.New(), correlation: r.Header.Get("client-request-id"), at: time.Now().UTC()}
	if t.correlation == "" {
		t.correlation = r.FormValue("client-request-id")
	}
	if !ids.IsGUID(strings.ToLower(t.correlation)) {
		t.correlation = ids.New()
	}
	return t
}

// Headers sets the headers of every response of the sign-in service.
func Headers(h http.Header, t Trace) {
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "-1")
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("x-ms-request-id", t.id)
	h.Set("x-ms-ests-server", "2.1.00000.0 - EMULATOR ProdSlices")
	h.Set("x-ms-clitelem", "1,0,0,,")
	h.Set("x-ms-srs", "1.P")
	h.Set("P3P", `CP="DSP CUR OTPi IND OTRi ONL FIN"`)
}

// PageHeaders sets the headers of a page. Each page has a new trace id.
func PageHeaders(h http.Header) { Headers(h, Trace{id: ids.New()}) }

// PublicHeaders sets the headers of public documents, which may be cached.
func PublicHeaders(h http.Header) {
	h.Set("Cache-Control", "max-age=86400, private")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, OPTIONS")
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("x-ms-request-id", ids.New())
}

// WriteJSON writes body as Entra does: application/json with a charset.
func WriteJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic("entratest: " + err.Error()) // only a value that was set by a test can fail to encode
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // fails only if the client has gone
}

// Redirect sends the browser to target.
func Redirect(w http.ResponseWriter, r *http.Request, target string) {
	Headers(w.Header(), NewTrace(r))
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusFound)
}
