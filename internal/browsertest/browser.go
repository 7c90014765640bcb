package browsertest

import (
	"net/http"
	"net/url"
	"testing"
)

// Browser is a browser of one user. It is not safe for concurrent use.
type Browser struct {
	TB     testing.TB
	App    Doer   // may be replaced, as if the name led to another instance
	Origin string // of the application, such as "https://app.example"
	Jar    Jar    // sent to Origin alone
	Seen   *Seen  // may be shared by several browsers

	// IgnoresSameSite makes the browser ignore SameSite, as browsers did before 2020. It
	// is for tests of the other defences of an application.
	IgnoresSameSite bool
}

// New makes a browser without cookies.
func New(tb testing.TB, app Doer, origin string) *Browser {
	tb.Helper()
	return &Browser{TB: tb, App: app, Origin: origin, Jar: Jar{}, Seen: &Seen{}}
}

// Send sends a request with its cookies, and stores the cookies that the answer sets. It
// follows no redirect.
func (b *Browser) Send(r *http.Request) *Answer {
	b.TB.Helper()
	target, own := b.target(r)
	if own {
		b.Jar.add(r, target, b.IgnoresSameSite)
	}
	response, err := b.App.Do(r) //nolint:bodyclose // Read closes it
	if err != nil {
		b.TB.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	response.Request = r
	a := Read(b.TB, response)
	if own {
		b.Jar.keep(r, target, a.Cookies(), b.IgnoresSameSite)
	}
	b.Seen.Note(a)
	return a
}

// target returns the URL of a request, and whether it leads to the application. It does
// not depend on the Host header, which tests forge.
func (b *Browser) target(r *http.Request) (target *url.URL, own bool) {
	if r.URL.Host == "" {
		origin := b.origin()
		return &url.URL{Scheme: origin.Scheme, Host: origin.Host, Path: r.URL.Path}, true
	}
	return r.URL, b.owns(r.URL)
}

// owns reports whether a URL leads to the application.
func (b *Browser) owns(u *url.URL) bool {
	origin := b.origin()
	return u.Scheme == origin.Scheme && u.Host == origin.Host
}

func (b *Browser) origin() *url.URL {
	origin, err := url.Parse(b.Origin)
	if err != nil {
		b.TB.Fatal(err)
	}
	return origin
}

// Get sends a GET request as a program does that sends no Fetch Metadata.
func (b *Browser) Get(path string) *Answer {
	b.TB.Helper()
	return b.Send(NewRequest(http.MethodGet, b.Origin, path, ""))
}

// Navigate opens a page as if the user had typed its address or clicked a link.
func (b *Browser) Navigate(path string) *Answer {
	b.TB.Helper()
	return b.Send(Navigation(http.MethodGet, b.Origin, path, ""))
}

// Fetch sends a GET request as a script of the application's own pages does.
func (b *Browser) Fetch(path string) *Answer {
	b.TB.Helper()
	r := NewRequest(http.MethodGet, b.Origin, path, "")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Dest", "empty")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.Send(r)
}

// PostForm submits a form of the application's own pages.
func (b *Browser) PostForm(path string, form url.Values) *Answer {
	b.TB.Helper()
	r := Navigation(http.MethodPost, b.Origin, path, form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.Origin)
	return b.Send(r)
}

// maxRedirects is the number of redirects that browsers follow.
const maxRedirects = 20

// Follow follows the redirects of an answer, until an answer is not a redirect or leads
// to another origin. It returns the last answer.
func (b *Browser) Follow(a *Answer) *Answer {
	b.TB.Helper()
	for range maxRedirects {
		next, ok := b.next(a)
		if !ok {
			return a
		}
		r := Navigation(http.MethodGet, b.Origin, next.RequestURI(), "")
		if crossSite(a.Request) {
			CrossSite(r) // redirects do not make it the application's own
		}
		a = b.Send(r)
	}
	b.TB.Fatalf("more than %d redirects, the last to %q", maxRedirects, a.Location())
	return nil
}

// next returns where an answer redirects to within the application.
func (b *Browser) next(a *Answer) (next *url.URL, ok bool) {
	if a.StatusCode/100 != 3 && !a.Redirects() || a.Location() == "" {
		return nil, false
	}
	from, _ := b.target(a.Request)
	next, err := from.Parse(a.Location())
	if err != nil {
		b.TB.Fatalf("the answer leads to %q: %v", a.Location(), err)
	}
	return next, b.owns(next)
}
