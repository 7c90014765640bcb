package web

import "net/http"

// Response is what a face writes. Its Header and Cookies are also written if a route returns
// an error beside it.
type Response struct {
	Status  int            // 0 leaves the one that is set
	Header  http.Header    // one without a value is to be removed
	Cookies []*http.Cookie // at most one of a name
	Body    []byte
	// ByApp is set in place of Body if a function of Config writes it. It gets the face's context.
	ByApp func(c any) error

	page *Page // to be drawn
}

func newResponse() *Response { return &Response{Status: http.StatusOK, Header: make(http.Header)} }

// setCookie adds a cookie and replaces one of the same name.
func (r *Response) setCookie(c *http.Cookie) {
	for i, other := range r.Cookies {
		if other.Name == c.Name {
			r.Cookies[i] = c
			return
		}
	}
	r.Cookies = append(r.Cookies, c)
}

// redirect sends the browser on with 303, which never repeats a POST (threat A13).
func (r *Response) redirect(target string) {
	r.Status = http.StatusSeeOther
	r.Header.Set("Location", target)
}

// noStore keeps a response out of caches.
const noStore = "no-store, private"

// protect keeps answers about a user out of caches, frames and referrers (threats A14, C6,
// C10).
func (r *Response) protect() {
	r.Header.Set("Cache-Control", noStore)
	r.Header.Set("Referrer-Policy", "no-referrer")
	r.Header.Set("X-Content-Type-Options", "nosniff")
	r.Header.Set("X-Frame-Options", "DENY")
	r.Header.Set("Vary", "Cookie")
}
