package entratest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"image/jpeg"
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

// graphRoute finds the handler of a path below /v1.0/.
func graphRoute(path string) route {
	switch parts := strings.Split(path, "/"); {
	case path == "me":
		return route{GraphMe, false, (*Server).serveMe}
	case path == "me/manager":
		return route{GraphManager, false, (*Server).serveManager}
	case path == "me/photo/$value", len(parts) == 4 && strings.HasPrefix(path, "me/photos/") && parts[3] == "$value":
		return route{GraphPhoto, false, (*Server).servePhoto}
	default:
		return route{GraphOther, false, (*Server).serveUnknown}
	}
}

// graphCall authenticates a Graph request and checks one permission. It writes the refusal itself.
func (s *Server) graphCall(w http.ResponseWriter, r *http.Request, scope string) *account {
	graphHeaders(w.Header(), r)
	a, fail := s.authorizeGraph(r, scope)
	if fail == nil && r.Method != http.MethodGet {
		fail = &graphError{status: http.StatusMethodNotAllowed, code: "Request_BadRequest", message: "Specified HTTP method is not allowed for the request target."}
	}
	if fail != nil {
		s.writeGraphError(w, r, fail)
		return nil
	}
	return a
}

// authorizeGraph accepts the very tokens that were issued for Graph and are still good.
func (s *Server) authorizeGraph(r *http.Request, scope string) (*account, *graphError) {
	value, isBearer := bearer(r)
	if !isBearer {
		return nil, s.invalidToken("Access token is empty.")
	}
	s.mu.Lock()
	t := s.issued.access[value]
	s.mu.Unlock()
	if t != nil {
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
	case t.cae && (t.revoked() || t.account.disabled):
		return nil, s.claimsChallenge(t)
	case !permits(t.names, scope):
		return nil, &graphError{status: http.StatusForbidden, code: "Authorization_RequestDenied", message: "Insufficient privileges to complete the operation."}
	}
	return t.account, nil
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

// claimsChallenge asks for a token issued after the revocation. entra: the claims are standard base64 with
// padding, in quotes.
func (s *Server) claimsChallenge(t *accessToken) *graphError {
	since := strconv.FormatInt(t.account.validFrom.Unix(), 10)
	claims := `{"access_token":{"nbf":{"essential":true, "value":"` + since + `"}}}`
	return &graphError{
		http.StatusUnauthorized, "InvalidAuthenticationToken",
		"Continuous access evaluation resulted in claims challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp",
		s.challengeHeader() + `, error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`,
	}
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

// serveUnknown answers for the rest of Graph. users/me-token-to-replace is what the SDK sends when its
// middleware is missing; nobody of that name exists.
func (s *Server) serveUnknown(w http.ResponseWriter, r *http.Request, path string) {
	if s.graphCall(w, r, "User.Read") == nil {
		return
	}
	first, rest, _ := strings.Cut(path, "/")
	if first == "users" && rest != "" {
		id, _, _ := strings.Cut(rest, "/")
		s.writeGraphError(w, r, &graphError{
			status: http.StatusNotFound, code: "Request_ResourceNotFound",
			message: "Resource '" + id + "' does not exist or one of its queried reference-property objects are not present.",
		})
		return
	}
	s.writeGraphError(w, r, &graphError{
		status: http.StatusBadRequest, code: "BadRequest", message: "Resource not found for the segment '" + first + "'.",
	})
}

func (s *Server) serveMe(w http.ResponseWriter, r *http.Request, _ string) {
	if a := s.graphCall(w, r, "User.Read"); a != nil {
		s.writeUser(w, r, a, "users", "")
	}
}

func (s *Server) serveManager(w http.ResponseWriter, r *http.Request, _ string) {
	a := s.graphCall(w, r, s.settings.managerScope)
	if a == nil {
		return
	}
	manager := find(a.ManagerID, []*tenant{a.tenant})
	if a.ManagerID == "" || manager == nil {
		s.writeGraphError(w, r, &graphError{
			status: http.StatusNotFound, code: "Request_ResourceNotFound",
			message: "Resource 'manager' does not exist or one of its queried reference-property objects are not present.",
		})
		return
	}
	s.writeUser(w, r, manager, "directoryObjects", "#microsoft.graph.user")
}

// property is one member of a JSON object; Graph's objects have an order.
type property struct {
	name  string
	value any
}

// defaultProperties is how many of properties come without $select.
const defaultProperties = 11

// properties are those of a Graph user: first the ones sent by default, then those to ask for.
func properties(a *account) []property {
	phones := a.BusinessPhones
	if phones == nil {
		phones = []string{}
	}
	kind := "Member"
	if a.IsGuest() {
		kind = "Guest"
	}
	return []property{
		{"businessPhones", phones},
		{"displayName", orNull(a.DisplayName)},
		{"givenName", orNull(a.GivenName)},
		{"jobTitle", orNull(a.JobTitle)},
		{"mail", orNull(a.Mail)},
		{"mobilePhone", orNull(a.MobilePhone)},
		{"officeLocation", orNull(a.OfficeLocation)},
		{"preferredLanguage", orNull(a.PreferredLanguage)},
		{"surname", orNull(a.Surname)},
		{"userPrincipalName", a.UPN},
		{"id", a.ID},
		{"accountEnabled", true},
		{"userType", kind},
		{"department", nil},
		{"companyName", nil},
		{"employeeId", nil},
		{"usageLocation", nil},
		{"otherMails", []string{}},
		{"proxyAddresses", []string{}},
	}
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// writeUser writes a user, or the selected properties of one.
func (s *Server) writeUser(w http.ResponseWriter, r *http.Request, a *account, set, kind string) {
	all := properties(a)
	context := s.GraphURL + "/$metadata#" + set
	selected := all[:defaultProperties]
	if names := r.URL.Query().Get("$select"); names != "" {
		var unknown string
		if selected, unknown = choose(all, names); unknown != "" {
			s.writeGraphError(w, r, &graphError{
				status: http.StatusBadRequest, code: "BadRequest",
				message: "Parsing OData Select and Expand failed: Could not find a property named '" + unknown + "' on type 'microsoft.graph.user'.",
			})
			return
		}
		context += "(" + names + ")"
	}
	object := []property{{"@odata.context", context + "/$entity"}}
	if kind != "" {
		object = append(object, property{"@odata.type", kind})
	}
	w.Header().Set("Content-Type", odataJSON)
	w.Header().Set("OData-Version", "4.0")
	_, _ = w.Write(encodeObject(append(object, selected...))) // the client has gone; there is nobody to tell
}

// choose picks the properties of a $select; unknown is the first that does not exist.
func choose(all []property, names string) (selected []property, unknown string) {
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(p property) bool { return p.name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, name
		}
		selected = append(selected, all[i])
	}
	return selected, ""
}

func encodeObject(object []property) []byte {
	var out bytes.Buffer
	separator := byte('{')
	for _, p := range object {
		out.WriteByte(separator)
		name, _ := json.Marshal(p.name) // strings and lists of strings: cannot fail
		value, _ := json.Marshal(p.value)
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
		separator = ','
	}
	out.WriteByte('}')
	return out.Bytes()
}

// photoSizes are the sizes of /me/photos/{size}.
var photoSizes = map[string]int{
	"48x48": 48, "64x64": 64, "96x96": 96, "120x120": 120, "240x240": 240,
	"360x360": 360, "432x432": 432, "504x504": 504, "648x648": 648,
}

// servePhoto is /me/photo/$value and /me/photos/{size}/$value.
func (s *Server) servePhoto(w http.ResponseWriter, r *http.Request, path string) {
	a := s.graphCall(w, r, "User.Read")
	if a == nil {
		return
	}
	photo := a.Photo
	if size, ok := strings.CutPrefix(path, "me/photos/"); ok {
		pixels, known := photoSizes[strings.ToLower(strings.TrimSuffix(size, "/$value"))]
		if !known {
			s.writeGraphError(w, r, &graphError{status: http.StatusBadRequest, code: "BadRequest", message: "The requested photo size is not supported."})
			return
		}
		photo = resized(photo, pixels)
	}
	if photo == nil {
		s.writeGraphError(w, r, &graphError{
			status: http.StatusNotFound, code: "ImageNotFound", message: "Exception of type 'Microsoft.Fast.Profile.Core.Exception.ImageNotFoundException' was thrown.",
		})
		return
	}
	sum := sha256.Sum256(photo)
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("ETag", `"`+strings.ToUpper(hex.EncodeToString(sum[:16]))+`"`)
	_, _ = w.Write(photo) // the client has gone; there is nobody to tell
}

// resized scales a square JPEG down. What is no JPEG, or no larger than asked, stays as it is.
func resized(photo []byte, pixels int) []byte {
	picture, err := jpeg.Decode(bytes.NewReader(photo))
	if err != nil || picture.Bounds().Dx() <= pixels {
		return photo
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, shrink(picture, pixels), &jpeg.Options{Quality: 90}); err != nil {
		return photo
	}
	return out.Bytes()
}
