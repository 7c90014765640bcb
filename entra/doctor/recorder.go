package doctor

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/internal/aadsts"
	"github.com/fibermsal/fibermsal/internal/outbound"
)

// maxPage is how much of an error response is read; Entra's pages are smaller.
const maxPage = 1 << 20

// recorder is a RoundTripper that records two properties of responses: the server's time and the
// numbers of Entra's errors. It is safe for concurrent use.
type recorder struct {
	base http.RoundTripper

	mu       sync.Mutex // guards the fields below
	smallest time.Duration
	hasSkew  bool
	numbers  map[string][]int // by address, without the query
}

// newRecorder returns a recorder of the responses that base receives.
func newRecorder(base http.RoundTripper) *recorder {
	return &recorder{base: base, numbers: make(map[string][]int)}
}

// RoundTrip implements [http.RoundTripper].
func (rec *recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := time.Now()
	response, err := rec.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	rec.recordTime(response.Header, sent, time.Now())
	if response.StatusCode >= http.StatusBadRequest {
		if err := rec.recordNumbers(r.URL, response); err != nil {
			return nil, err
		}
	}
	return response, nil
}

// recordTime keeps the smallest difference, because a response from a proxy's cache has an old time.
func (rec *recorder) recordTime(h http.Header, sent, received time.Time) {
	skew, measured := skewOf(h, sent, received)
	if !measured {
		return
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if !rec.hasSkew || skew.Abs() < rec.smallest.Abs() {
		rec.smallest, rec.hasSkew = skew, true
	}
}

func (rec *recorder) recordNumbers(u *url.URL, response *http.Response) error {
	body, err := io.ReadAll(outbound.Bound(response.Body, maxPage))
	_ = response.Body.Close()
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.numbers[u.Scheme+"://"+u.Host+u.Path] = aadsts.Numbers(string(body))
	return nil
}

// skew returns how far this machine's clock is ahead of the servers', if one of them sent its time.
func (rec *recorder) skew() (ahead time.Duration, measured bool) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.smallest, rec.hasSkew
}

// numbersOf returns the AADSTS numbers in the last error response of an address.
func (rec *recorder) numbersOf(address string) []int {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.numbers[address]
}

// through returns " through the proxy" and the URL of the proxy for an address, without its
// credentials. It returns "" if there is no proxy or the transport does not report it.
func (rec *recorder) through(address string) string {
	pool, reports := rec.base.(*outbound.Pool)
	r, err := http.NewRequest(http.MethodGet, address, http.NoBody) //nolint:noctx // it is not sent
	if !reports || err != nil {
		return ""
	}
	proxy, err := pool.ProxyFor(r)
	if err != nil || proxy == nil {
		return ""
	}
	return " through the proxy " + proxy.Scheme + "://" + proxy.Host
}
