package entratest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// graphError is an error of Microsoft Graph.
type graphError struct {
	status        int
	code, message string
	authenticate  string // WWW-Authenticate
}

func badRequest(message string) *graphError {
	return &graphError{status: http.StatusBadRequest, code: "Request_BadRequest", message: message}
}

// missing is the error about a resource that is not there.
func missing(name string) *graphError {
	return &graphError{
		status: http.StatusNotFound, code: "Request_ResourceNotFound",
		message: "Resource '" + name + "' does not exist or one of its queried reference-property objects are not present.",
	}
}

// permissions are what a Graph call needs: all of own about the token's own user, all of other about
// anybody else. The application itself is never the user.
type permissions struct{ own, other []string }

var readUser = permissions{own: []string{"User.Read"}, other: []string{"User.Read.All"}}

// graphCall authenticates a GET and finds whom it is about. It writes the refusal itself.
func (s *Server) graphCall(w http.ResponseWriter, r *http.Request, path string, need permissions) *account {
	_, about := s.graphMethod(w, r, http.MethodGet, path, need)
	return about
}

// graphMethod is graphCall for any method; it returns the token as well.
func (s *Server) graphMethod(w http.ResponseWriter, r *http.Request, method, path string, need permissions) (*accessToken, *account) {
	graphHeaders(w.Header(), r)
	t, fail := s.authenticateGraph(r, path)
	var about *account
	if fail == nil {
		about, fail = t.about(path, need)
	}
	if fail == nil && r.Method != method {
		fail = &graphError{status: http.StatusMethodNotAllowed, code: "Request_BadRequest", message: "Specified HTTP method is not allowed for the request target."}
	}
	if fail != nil {
		s.writeGraphError(w, r, fail)
		return nil, nil
	}
	return t, about
}

// authenticateGraph accepts the very tokens that were issued for Graph and are still good.
func (s *Server) authenticateGraph(r *http.Request, path string) (*accessToken, *graphError) {
	value, isBearer := bearer(r)
	if !isBearer {
		return nil, s.invalidToken("Access token is empty.")
	}
	s.mu.Lock()
	t := s.issued.access[value]
	s.mu.Unlock()
	if t != nil && t.account != nil {
		noteUser(r, t.account)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case t == nil:
		return nil, s.invalidToken("CompactToken parsing failed with error code: 80049217")
	case t.resource != graphResource:
		return nil, s.invalidToken("Access token validation failure. Invalid audience.")
	case !time.Now().Before(t.expires):
		return nil, s.invalidToken("Lifetime validation failed, the token is expired.")
	case t.cae && t.account != nil && (t.revoked() || t.account.disabled):
		return nil, s.revocationChallenge(t)
	}
	if id := s.contexts[path]; id != "" && !slices.Contains(t.acrs, id) {
		return nil, s.contextChallenge(t, id)
	}
	return t, nil
}

// about finds the account that the path begins with, me or users/{id}, and checks the permissions.
func (t *accessToken) about(path string, need permissions) (*account, *graphError) {
	first, rest, _ := strings.Cut(path, "/")
	who, names := t.account, need.own
	switch {
	case first == "users":
		id, _, _ := strings.Cut(rest, "/")
		if who = t.tenant.named(id); who == nil {
			return nil, missing(id)
		}
		if who != t.account {
			names = need.other
		}
	case who == nil:
		return nil, &graphError{status: http.StatusBadRequest, code: "BadRequest", message: "/me request is only valid with delegated authentication flow."}
	}
	for _, name := range names {
		if !permits(t.names, name) {
			return nil, &graphError{status: http.StatusForbidden, code: "Authorization_RequestDenied", message: "Insufficient privileges to complete the operation."}
		}
	}
	return who, nil
}

// named finds a user as Graph does, by object id or UPN.
func (t *tenant) named(id string) *account {
	a := find(id, []*tenant{t})
	if a == nil || (!strings.EqualFold(id, a.ID) && !strings.EqualFold(id, a.UPN)) {
		return nil
	}
	return a
}

func bearer(r *http.Request) (string, bool) {
	scheme, value, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return value, ok && strings.EqualFold(scheme, "Bearer") && value != ""
}

// larger lists the permissions that contain another.
var larger = map[string][]string{
	"User.Read":            {"User.ReadWrite", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"},
	"User.Read.All":        {"User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"},
	"User.ReadBasic.All":   {"User.Read.All", "User.ReadWrite.All"},
	"GroupMember.Read.All": {"Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All"},
}

func permits(names []string, scope string) bool {
	return slices.Contains(names, scope) || slices.ContainsFunc(larger[scope], func(l string) bool { return slices.Contains(names, l) })
}

func (s *Server) challengeHeader() string {
	return `Bearer realm="", authorization_uri="` + s.login + `/common/oauth2/authorize", client_id="` + graphAppID + `"`
}

func (s *Server) invalidToken(message string) *graphError {
	return &graphError{http.StatusUnauthorized, "InvalidAuthenticationToken", message, s.challengeHeader()}
}

// revocationChallenge asks for a token issued after the revocation.
func (s *Server) revocationChallenge(t *accessToken) *graphError {
	since := strconv.FormatInt(t.account.validFrom.Unix(), 10)
	return s.claimsChallenge(`{"access_token":{"nbf":{"essential":true, "value":"`+since+`"}}}`,
		"Continuous access evaluation resulted in claims challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp")
}

// contextChallenge asks for an authentication context. Clients that do not declare cp1 would not understand,
// and are refused: claims-challenge.md of the identity platform's documentation.
func (s *Server) contextChallenge(t *accessToken, id string) *graphError {
	if !t.cae {
		return &graphError{status: http.StatusForbidden, code: "Authorization_RequestDenied", message: "The caller does not meet the authentication bar to carry out this operation."}
	}
	e := s.claimsChallenge(demandContext(id), "The presented access token had insufficient claims. Request those of the WWW-Authenticate header and try again.")
	e.authenticate += `, cc_type="authcontext"`
	return e
}

// claimsChallenge demands claims. entra: they are standard base64 with padding, in quotes.
func (s *Server) claimsChallenge(claims, message string) *graphError {
	return &graphError{
		http.StatusUnauthorized, "InvalidAuthenticationToken", message,
		s.challengeHeader() + `, error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`,
	}
}

// RequireAuthContext makes Graph demand the authentication context id, "c1" to "c99", for a path below /v1.0
// ("me/manager"), as a Conditional Access policy would: it challenges tokens without that acrs, of clients
// that declared cp1, and refuses those of others with 403. An empty id ends it. Default: no path does.
func (s *Server) RequireAuthContext(path, id string) {
	if id != "" && !contextID.MatchString(id) {
		panic("entratest: the authentication context " + id + " is none of c1 to c99")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contexts[strings.TrimPrefix(path, "/")] = id
}

const odataJSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

// graphHeaders are what every answer of Graph carries.
func graphHeaders(h http.Header, r *http.Request) {
	id, client := newGUID(), r.Header.Get("client-request-id")
	if client == "" {
		client = id
	}
	h.Set("Cache-Control", "no-cache")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("Vary", "Accept-Encoding")
	h.Set("request-id", id)
	h.Set("client-request-id", client)
	h.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"Emulator","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"EMULATOR00000000"}}`)
	h.Set("x-ms-resource-unit", "1")
}

func (s *Server) writeGraphError(w http.ResponseWriter, _ *http.Request, e *graphError) {
	type inner struct {
		Date      string `json:"date"`
		RequestID string `json:"request-id"`
		ClientID  string `json:"client-request-id"`
	}
	type body struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Inner   inner  `json:"innerError"`
	}
	h := w.Header()
	if e.authenticate != "" {
		h.Set("WWW-Authenticate", e.authenticate)
	}
	encoded, _ := json.Marshal(map[string]body{"error": {e.code, e.message, inner{ // strings only: cannot fail
		time.Now().UTC().Format("2006-01-02T15:04:05"), h.Get("request-id"), h.Get("client-request-id"),
	}}})
	h.Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	_, _ = w.Write(encoded) // the client has gone; there is nobody to tell
}
