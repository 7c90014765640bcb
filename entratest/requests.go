package entratest

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Endpoint is one of the server's doors, for [Server.Fault] and [Server.Requests].
type Endpoint string

// The endpoints. Login is where the pages' buttons lead; GraphUser is /users/{id} and what is below it,
// GraphGroups what tells of groups below /me and /users/{id}, GraphOther any Graph path that is not served.
const (
	Authorize         Endpoint = "authorize"
	Login             Endpoint = "login"
	Token             Endpoint = "token"
	Keys              Endpoint = "keys"
	Discovery         Endpoint = "discovery"
	InstanceDiscovery Endpoint = "instance discovery"
	Logout            Endpoint = "logout"
	AdminConsent      Endpoint = "admin consent"
	GraphMe           Endpoint = "graph /me"
	GraphManager      Endpoint = "graph /me/manager"
	GraphPhoto        Endpoint = "graph /me/photo"
	GraphUser         Endpoint = "graph /users"
	GraphGroups       Endpoint = "graph, groups"
	GraphOther        Endpoint = "graph, other"
	Other             Endpoint = "other"
)

// Request is a request as the server received it.
type Request struct {
	Endpoint Endpoint
	Method   string
	URL      *url.URL
	Proto    string // such as "HTTP/2.0", after Listen
	Header   http.Header
	Form     url.Values // of the query and of a form body
	Status   int        // of the answer; 0 while there is none, and after a drop
	User     string     // UPN of the person it turned out to be about; empty if nobody
	Time     time.Time
}

// maxRequests is how many requests are kept: plenty for a test, bounded for a server that runs for days.
const maxRequests = 50_000

// requestLog holds the latest requests and counts all. Guarded by Server.mu.
type requestLog struct {
	latest []*Request
	counts map[Endpoint]int
}

func (l *requestLog) add(rec *Request) {
	l.counts[rec.Endpoint]++
	if len(l.latest) >= 2*maxRequests {
		l.latest = slices.Clone(l.latest[maxRequests:])
	}
	l.latest = append(l.latest, rec)
}

type recordKey struct{}

// record files the request and hands it on with the means to complete the record.
func (s *Server) record(e Endpoint, r *http.Request) (*http.Request, *Request) {
	rec := &Request{
		Endpoint: e, Method: r.Method, URL: cloneURL(r), Proto: r.Proto, Header: r.Header.Clone(), Form: maps.Clone(r.Form), Time: time.Now(),
	}
	s.mu.Lock()
	s.log.add(rec)
	s.mu.Unlock()
	note := func(a *account) {
		s.mu.Lock()
		rec.User = a.UPN
		s.mu.Unlock()
	}
	return r.WithContext(context.WithValue(r.Context(), recordKey{}, note)), rec
}

func cloneURL(r *http.Request) *url.URL {
	u := *r.URL
	u.Host = r.Host
	return &u
}

// noteUser completes the record of the request.
func noteUser(r *http.Request, a *account) {
	if note, ok := r.Context().Value(recordKey{}).(func(*account)); ok {
		note(a)
	}
}

// Requests returns what arrived at the given endpoints, or with none at all of them, in order of arrival.
// What SignIn opens and presses is among them. Of very many, only the latest 50,000 or more are kept.
func (s *Server) Requests(endpoints ...Endpoint) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Request
	for _, rec := range s.log.latest {
		if len(endpoints) == 0 || slices.Contains(endpoints, rec.Endpoint) {
			out = append(out, *rec)
		}
	}
	return out
}

// Count tells how many requests have arrived at the endpoint.
func (s *Server) Count(e Endpoint) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.counts[e]
}

// ResetRequests forgets the requests so far.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = requestLog{counts: map[Endpoint]int{}}
}
