package entratest

import (
	"net/http"
	"net/url"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/traffic"
)

// Endpoint is one of the server's endpoints, for [Server.Fault] and [Server.Requests].
type Endpoint string

// The endpoints. Login receives the forms of the sign-in pages. GraphUser is /users/{id} and everything
// below it except groups. GraphGroups are the groups below /me and /users/{id}. GraphBatch is /$batch,
// whose parts are also recorded as separate requests. GraphOther is any Graph path that is not served.
const (
	Authorize         Endpoint = "authorize"
	Login             Endpoint = "login"
	Token             Endpoint = "token"
	Keys              Endpoint = "keys"
	Discovery         Endpoint = "discovery"
	InstanceDiscovery Endpoint = "instance discovery"
	Logout            Endpoint = "logout"
	AdminConsent      Endpoint = "admin consent"
	UserInfo          Endpoint = "userinfo"
	GraphMe           Endpoint = "graph /me"
	GraphManager      Endpoint = "graph /me/manager"
	GraphPhoto        Endpoint = "graph /me/photo"
	GraphUser         Endpoint = "graph /users"
	GraphGroups       Endpoint = "graph, groups"
	GraphBatch        Endpoint = "graph, batch"
	GraphOther        Endpoint = "graph, other"
	Other             Endpoint = "other"
)

// Request is a request that the server has received.
type Request struct {
	Endpoint Endpoint
	Method   string
	URL      *url.URL
	Proto    string // such as "HTTP/2.0", after Listen
	Header   http.Header
	Form     url.Values // of the query and of a form body
	Status   int        // of the response; 0 while there is none, and after a drop
	User     string     // UPN of the user whom the request concerned; empty if none
	Time     time.Time
}

func newRequest(r traffic.Record) Request {
	return Request{
		Endpoint: Endpoint(r.Endpoint), Method: r.Method, URL: r.URL, Proto: r.Proto, Header: r.Header,
		Form: r.Form, Status: r.Status, User: r.User, Time: r.Time,
	}
}

// requestLog provides the requests that have arrived.
type requestLog struct{ log *traffic.Log }

// Requests returns the requests to the given endpoints, or to all endpoints if none are given, in the
// order of their arrival. It includes the requests of SignIn. Only the last 50,000 requests or more are
// kept.
func (s *requestLog) Requests(endpoints ...Endpoint) []Request {
	names := make([]string, 0, len(endpoints))
	for _, e := range endpoints {
		names = append(names, string(e))
	}
	var out []Request
	for _, record := range s.log.Records(names...) {
		out = append(out, newRequest(record))
	}
	return out
}

// Count returns how many requests have arrived at the endpoint.
func (s *requestLog) Count(e Endpoint) int { return s.log.Count(string(e)) }

// ResetRequests removes the recorded requests.
func (s *requestLog) ResetRequests() { s.log.Reset() }
