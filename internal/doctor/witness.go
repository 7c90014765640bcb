package doctor

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/internal/aadsts"
	"github.com/fibermsal/fibermsal/internal/outbound"
)

// maxPage bounds what is read of an answer that is an error; Entra's pages are smaller.
const maxPage = 1 << 20

// Witness is a RoundTripper that notes what answers tell besides what was asked for: the
// server's time, and the numbers of Entra's errors. It is safe for concurrent use.
type Witness struct {
	base http.RoundTripper

	mu      sync.Mutex // guards what follows
	skew    time.Duration
	told    bool
	numbers map[string][]int // by address, without the query
}

// NewWitness makes a Witness of what comes through base.
func NewWitness(base http.RoundTripper) *Witness {
	return &Witness{base: base, numbers: make(map[string][]int)}
}

// RoundTrip implements [http.RoundTripper].
func (w *Witness) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := time.Now()
	resp, err := w.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	w.noteTime(resp.Header, sent, time.Now())
	if resp.StatusCode >= http.StatusBadRequest {
		if err := w.noteError(r.URL, resp); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// noteTime keeps the smallest difference: an answer that a proxy remembered tells the
// time of another day, the server's own do not.
func (w *Witness) noteTime(h http.Header, sent, received time.Time) {
	skew, told := Skew(h, sent, received)
	if !told {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.told || skew.Abs() < w.skew.Abs() {
		w.skew, w.told = skew, true
	}
}

func (w *Witness) noteError(u *url.URL, resp *http.Response) error {
	body, err := io.ReadAll(outbound.Bound(resp.Body, maxPage))
	_ = resp.Body.Close()
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.numbers[u.Scheme+"://"+u.Host+u.Path] = aadsts.Numbers(string(body))
	return nil
}

// Skew is by how much this machine's clock is ahead of the servers', and whether any
// told its time.
func (w *Witness) Skew() (ahead time.Duration, told bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.skew, w.told
}

// Numbers are Entra's, of the last answer of an address that was an error.
func (w *Witness) Numbers(address string) []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.numbers[address]
}

// Skew is by how much this machine's clock is ahead of that of a server whose answer has
// the header. The header counts whole seconds and is written at any moment between the
// two times, so as much of a difference says nothing.
func Skew(h http.Header, sent, received time.Time) (ahead time.Duration, told bool) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0, false
	}
	if age, err := strconv.ParseUint(h.Get("Age"), 10, 31); err == nil {
		date = date.Add(time.Duration(age) * time.Second) // from a cache
	}
	switch {
	case sent.After(date.Add(time.Second)):
		return sent.Sub(date.Add(time.Second)), true
	case received.Before(date):
		return received.Sub(date), true
	}
	return 0, true
}

// Proxy names the proxy that a request goes through, without the credentials for it, or
// "" if there is none or the transport does not tell.
func (w *Witness) Proxy(r *http.Request) string {
	t, ok := w.base.(*outbound.Pool)
	if !ok {
		return ""
	}
	u, err := t.ProxyFor(r)
	if err != nil || u == nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
