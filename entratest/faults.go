package entratest

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is one way for an endpoint to fail. Its zero fields change nothing, so a Fault with only Delay is
// a slow but right answer, and one with only Header adds headers to it.
type Fault struct {
	// Times is for how many requests; 0 means until ClearFaults.
	Times int
	// Delay passes before anything else happens, or until the request's context ends.
	Delay time.Duration
	// Drop closes the connection without an answer, or the stream where the client speaks HTTP/2. The
	// request is not handled.
	Drop bool
	// LoseAnswer handles the request, so that codes are spent and tokens issued, and then drops it.
	LoseAnswer bool

	// Status answers with this status instead of handling the request. With Body or BodyFrom, 0 means 200.
	Status int
	// Body is the answer's body. Its type is guessed from its first character unless Header says it.
	Body string
	// BodyFrom makes a body that is too big or too slow for a string, one for each answer.
	BodyFrom func() io.Reader
	// OAuth answers with an error in Entra's JSON. Status 0 then means 400.
	OAuth *OAuthError

	// Header is set on the answer, whoever makes it; an empty list removes.
	Header http.Header
	// Truncate cuts the body after so many bytes and breaks the connection; 0 means do not.
	Truncate int
}

// OAuthError is an error as the token endpoint sends it, for [Fault].
type OAuthError struct {
	Error       string // such as "invalid_grant"
	Suberror    string // such as "basic_action"
	Codes       []int  // AADSTS numbers; the first leads the description
	Description string // default: a sentence
	Claims      string // JSON for the claims parameter of the next sign-in
}

// Fault makes the endpoint's next requests fail. Faults of one endpoint queue up: each serves its Times
// requests, then the next takes over. One without end keeps those behind it waiting for ClearFaults.
func (s *Server) Fault(e Endpoint, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[e] = append(s.faults[e], &f)
}

// ClearFaults ends all faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.faults)
}

// nextFault takes the fault for one request from the endpoint's queue.
func (s *Server) nextFault(e Endpoint) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue := s.faults[e]
	if len(queue) == 0 {
		return nil
	}
	f := *queue[0]
	if queue[0].Times == 1 {
		s.faults[e] = queue[1:]
	} else if queue[0].Times > 1 {
		queue[0].Times--
	}
	return &f
}

// drop breaks the connection: net/http closes it, the in-process transport reports an unexpected EOF.
func drop() { panic(http.ErrAbortHandler) }

// strike answers a request that meets a fault.
func (s *Server) strike(f *Fault, w http.ResponseWriter, r *http.Request, handle http.HandlerFunc) {
	if !pause(r, f.Delay) || f.Drop {
		drop()
	}
	genuine := newAnswer()
	switch {
	case f.OAuth != nil:
		s.writeError(genuine, r, f.OAuth.error(f.Status))
	case f.Status != 0 || f.Body != "" || f.BodyFrom != nil:
		f.write(genuine)
	default:
		handle(genuine, r)
	}
	if f.LoseAnswer {
		drop()
	}
	for name, values := range f.Header {
		genuine.header[http.CanonicalHeaderKey(name)] = values
	}
	send(w, genuine, f.Truncate)
}

// pause waits for d. It gives up, and says so, when the client does.
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

func (f *Fault) write(a *answer) {
	if f.BodyFrom != nil {
		a.stream = f.BodyFrom()
	}
	a.header.Set("Content-Type", guessType(f.Body))
	a.WriteHeader(max(f.Status, http.StatusOK))
	_, _ = a.body.WriteString(f.Body) // a bytes.Buffer does not fail
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

func (o *OAuthError) error(status int) *aadError {
	e := &aadError{oauth: o.Error, suberror: o.Suberror, claims: o.Claims, text: o.Description, status: status}
	if len(o.Codes) > 0 {
		e.code, e.codes = o.Codes[0], o.Codes
	}
	if e.text == "" {
		e.text = "The emulator was asked for this error."
	}
	if e.status == 0 {
		e.status = http.StatusBadRequest
	}
	return e
}

// send writes a prepared answer, cut off after truncate bytes if that is not 0.
func send(w http.ResponseWriter, a *answer, truncate int) {
	h := w.Header()
	for name, values := range a.header {
		if len(values) > 0 {
			h[name] = values
		}
	}
	body := a.body.Bytes()
	if truncate > 0 && truncate < len(body) {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(a.status)
		_, _ = w.Write(body[:truncate]) // the connection ends here either way
		_ = http.NewResponseController(w).Flush()
		drop()
	}
	w.WriteHeader(a.status)
	if a.stream != nil {
		stream(w, a.stream)
		return
	}
	_, _ = w.Write(body) // the client has gone; there is nobody to tell
}

// stream passes a body on as it comes. In process the reader itself is the answer's body.
func stream(w http.ResponseWriter, body io.Reader) {
	if own, ok := unwrapAnswer(w); ok {
		own.stream = body
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
