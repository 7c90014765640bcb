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

// maxPage bounds how much of an error's answer is read; Entra's pages are smaller.
const maxPage = 1 << 20

// recorder is a RoundTripper that records what answers reveal beside what was requested: the
// server's time, and the numbers of Entra's errors. It is safe for concurrent use.
type recorder struct {
	base http.RoundTripper

	mu       sync.Mutex // guards what follows
	smallest time.Duration
	hasSkew  bool
	numbers  map[string][]int // by address, without the query
}

// newRecorder makes a recorder of the answers that come through base.
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

// recordTime keeps the smallest difference, because the time in an answer from a proxy's cache
// is old.
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

// skew returns by how much this machine's clock is ahead of the servers', if one of them sent
// its time.
func (rec *recorder) skew() (ahead time.Duration, measured bool) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.smallest, rec.hasSkew
}

// numbersOf returns Entra's numbers in the last answer of an address that was an error.
func (rec *recorder) numbersOf(address string) []int {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.numbers[address]
}

// through names the proxy on the way to an address, without the credentials for it. It returns
// "" if there is none, or if the transport does not report it.
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
