package browsertest

import (
	"sync"
	"testing"
)

// Seen records all responses to browsers: bodies and headers, with the URLs of redirects
// and the cookies. The zero value is ready to use. It is safe for concurrent use.
type Seen struct {
	mu         sync.Mutex
	texts      map[string]struct{} // each once, because most headers are the same
	setCookies map[string]struct{}
	cookies    map[string]struct{} // values
}

// Note adds an answer.
func (s *Seen) Note(a *Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.texts == nil {
		s.texts, s.setCookies, s.cookies = map[string]struct{}{}, map[string]struct{}{}, map[string]struct{}{}
	}
	s.texts[a.Text] = struct{}{}
	for name, values := range a.Header {
		into := s.texts
		if name == "Set-Cookie" {
			into = s.setCookies
		}
		for _, value := range values {
			into[name+": "+value] = struct{}{}
		}
	}
	for _, c := range a.Cookies() {
		if c.Value != "" {
			s.cookies[c.Value] = struct{}{}
		}
	}
}

// Leaks returns a description of each secret that was seen or that is in one of the
// other texts, such as a log, unescaped or escaped as in a query. The values of all
// cookies are secrets everywhere except in Set-Cookie.
func (s *Seen) Leaks(secrets []string, others ...string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	given := newSearch(secrets)
	var leaks []string
	for line := range s.setCookies {
		leaks = append(leaks, given.in("a cookie", line)...)
	}
	for value := range s.cookies {
		given.add(value)
	}
	for text := range s.texts {
		leaks = append(leaks, given.in("an answer", text)...)
	}
	for _, text := range others {
		leaks = append(leaks, given.in("another text", text)...)
	}
	return leaks
}

// MustLack fails the test for each secret that Leaks finds.
func (s *Seen) MustLack(tb testing.TB, secrets []string, others ...string) {
	tb.Helper()
	for _, leak := range s.Leaks(secrets, others...) {
		tb.Error(leak)
	}
}
