package web

import "net/http"

// Response is a response that a face writes. If a route also returns an error, only Header and Cookies
// are written, and the error determines the rest.
type Response struct {
	// Status is the HTTP status; 0 keeps the status that is already set.
	Status int
	// Header replaces fields that are already set, except Vary, to which it adds. Other fields have one
	// value; a field without a value is removed.
	Header http.Header
	// Cookies are added to the response. There is at most one with each name.
	Cookies []*http.Cookie
	// Body is the whole body. The face may retain it, so it must not be changed afterwards.
	Body []byte
	// ByApp, if set, writes the body instead of Body. It is a function of Config and takes the face's
	// context.
	ByApp func(c any) error

	page   *Page  // to be rendered
	target string // of a redirect
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

// noStore is the Cache-Control that keeps a response out of all caches.
const noStore = "no-store, private"

// inLanguage marks a response whose body is in a language of the user (RFC 9110 sections 8.5 and 12.5.5).
func (r *Response) inLanguage(tag string) {
	r.Header.Set("Content-Language", tag)
	r.Header.Add("Vary", acceptLanguage)
}

// protect keeps responses about a user out of caches, frames and referrers (threats A14, C6, C10).
func (r *Response) protect() {
	r.Header.Set("Cache-Control", noStore)
	r.Header.Set("Referrer-Policy", "no-referrer")
	r.Header.Set("X-Content-Type-Options", "nosniff")
	r.Header.Set("X-Frame-Options", "DENY")
	r.Header.Set("Vary", "Cookie")
}
