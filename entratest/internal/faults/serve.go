package faults

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/wire"
)

// Serve responds to a request according to the fault. handle writes the genuine response; login is the
// sign-in service's origin.
func (f *Fault) Serve(w http.ResponseWriter, r *http.Request, handle http.HandlerFunc, login string) {
	if !pause(r, f.Delay) || f.Drop {
		drop()
	}
	genuine := wire.NewAnswer()
	switch {
	case f.Error != nil:
		f.Error.Write(genuine, r, login)
	case f.Status != 0 || f.Body != "" || f.BodyFrom != nil:
		f.write(genuine)
	default:
		handle(genuine, r)
	}
	if f.LoseAnswer {
		drop()
	}
	for name, values := range f.Header {
		genuine.Header()[http.CanonicalHeaderKey(name)] = values
	}
	send(w, genuine, f.Truncate)
}

// drop breaks the connection: net/http closes it, the in-process transport reports an unexpected EOF.
func drop() { panic(http.ErrAbortHandler) }

// pause waits for d. It reports false if the client gives up before that.
func pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (f *Fault) write(a *wire.Answer) {
	if f.BodyFrom != nil {
		a.Stream = f.BodyFrom()
	}
	a.Header().Set("Content-Type", guessType(f.Body))
	a.WriteHeader(max(f.Status, http.StatusOK))
	_, _ = a.Body.WriteString(f.Body) // a bytes.Buffer does not fail
}

func guessType(body string) string {
	switch {
	case strings.HasPrefix(body, "{"), strings.HasPrefix(body, "["):
		return "application/json; charset=utf-8"
	case strings.HasPrefix(body, "<"):
		return "text/html; charset=utf-8"
	default:
		return "text/plain; charset=utf-8"
	}
}

// send writes a prepared response, which is cut off after truncate bytes if that is not 0.
func send(w http.ResponseWriter, a *wire.Answer, truncate int) {
	h := w.Header()
	for name, values := range a.Header() {
		if len(values) > 0 {
			h[name] = values
		}
	}
	body := a.Body.Bytes()
	if truncate > 0 && truncate < len(body) {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(a.Status)
		_, _ = w.Write(body[:truncate]) // the connection ends here either way
		_ = http.NewResponseController(w).Flush()
		drop()
	}
	w.WriteHeader(a.Status)
	if a.Stream != nil {
		stream(w, a.Stream)
		return
	}
	_, _ = w.Write(body) // fails only if the client has gone
}

// stream copies a body as it is read. For requests in the same process, the reader itself becomes the
// body of the response.
func stream(w http.ResponseWriter, body io.Reader) {
	if own, ok := wire.Unwrap(w); ok {
		own.Stream = body
		return
	}
	control, buffer := http.NewResponseController(w), make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if _, failed := w.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
		if control.Flush() != nil {
			return
		}
	}
}
