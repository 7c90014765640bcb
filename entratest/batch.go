package entratest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/wire"
)

// maxParts is how many requests Graph accepts in a batch.
const maxParts = 20

// batchPart is a request of a batch.
type batchPart struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

// batchAnswer is the response to a part.
type batchAnswer struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    any               `json:"body,omitempty"`
}

// serveBatch serves POST /v1.0/$batch. Each part is a separate request, which is recorded and to which
// faults apply.
func (h *router) serveBatch(w http.ResponseWriter, r *http.Request, _ string) {
	var batch struct {
		Requests []batchPart `json:"requests"`
	}
	err := json.NewDecoder(r.Body).Decode(&batch)
	if r.Method != http.MethodPost || err != nil || len(batch.Requests) == 0 || len(batch.Requests) > maxParts {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"code":"BadRequest","message":"Invalid batch payload format."}}`) // fails only if the client has gone
		return
	}
	answers := make([]batchAnswer, 0, len(batch.Requests))
	for _, part := range batch.Requests {
		answers = append(answers, h.servePart(r, part))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"responses": answers}) // fails only if the client has gone
}

// servePart serves a part with the token of the batch.
func (h *router) servePart(r *http.Request, part batchPart) batchAnswer {
	u, err := url.Parse(h.origins.Graph + "/v1.0" + part.URL)
	if err != nil || !strings.HasPrefix(part.URL, "/") {
		return batchAnswer{ID: part.ID, Status: http.StatusBadRequest}
	}
	request := r.Clone(r.Context())
	request.Method, request.URL, request.RequestURI = part.Method, u, u.RequestURI()
	request.Form, request.PostForm, request.Header = nil, nil, http.Header{}
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(part.Body)), int64(len(part.Body))
	request.Header.Set("Authorization", r.Header.Get("Authorization"))
	for name, value := range part.Headers {
		request.Header.Set(name, value)
	}
	answer := wire.NewAnswer()
	h.ServeHTTP(answer, request)
	out := batchAnswer{ID: part.ID, Status: answer.Status, Headers: map[string]string{}}
	for name := range answer.Header() {
		out.Headers[name] = answer.Header().Get(name)
	}
	out.Body = partBody(answer)
	return out
}

// partBody returns the body of a part: unchanged JSON, or any other content in base64.
func partBody(answer *wire.Answer) any {
	content := answer.Body.Bytes()
	if answer.Stream != nil {
		content, _ = io.ReadAll(io.LimitReader(answer.Stream, maxBody)) // what could be read
	}
	switch {
	case len(content) == 0:
		return nil
	case strings.HasPrefix(answer.Header().Get("Content-Type"), "application/json") && json.Valid(content):
		return json.RawMessage(content)
	}
	return base64.StdEncoding.EncodeToString(content)
}
