package entratest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"image/jpeg"
	"net/http"
	"slices"
	"strings"
)

// graphRoutes are the paths below /me and below /users/{id}.
var graphRoutes = map[string]struct {
	endpoint Endpoint // below /me
	handle   func(s *Server, w http.ResponseWriter, r *http.Request, path string)
}{
	"":                   {GraphMe, (*Server).serveUser},
	"manager":            {GraphManager, (*Server).serveManager},
	"photo/$value":       {GraphPhoto, (*Server).servePhoto},
	"checkMemberGroups":  {GraphGroups, (*Server).serveCheckGroups},
	"getMemberObjects":   {GraphGroups, (*Server).serveMemberObjects},
	"transitiveMemberOf": {GraphGroups, (*Server).serveMemberOf},
	"transitiveMemberOf/microsoft.graph.group": {GraphGroups, (*Server).serveMemberOf},
}

// placeholder is what the SDK sends for /me when its middleware is missing; nobody of that name exists.
const placeholder = "me-token-to-replace"

// graphRoute finds the handler of a path below /v1.0/.
func graphRoute(path string) route {
	first, rest, _ := strings.Cut(path, "/")
	id := ""
	if first == "users" {
		id, rest, _ = strings.Cut(rest, "/")
	}
	if isPhotoSize(rest) {
		rest = "photo/$value"
	}
	known, ok := graphRoutes[rest]
	switch {
	case !ok, strings.HasSuffix(path, "/"), first != "me" && id == "", id == placeholder:
		return route{GraphOther, false, (*Server).serveUnknown}
	case first == "users" && known.endpoint != GraphGroups:
		known.endpoint = GraphUser
	}
	return route{known.endpoint, false, known.handle}
}

// below is the path after me or users/{id}.
func below(path string) string {
	first, rest, _ := strings.Cut(path, "/")
	if first == "users" {
		_, rest, _ = strings.Cut(rest, "/")
	}
	return rest
}

// serveUnknown answers for the rest of Graph.
func (s *Server) serveUnknown(w http.ResponseWriter, r *http.Request, path string) {
	graphHeaders(w.Header(), r)
	t, fail := s.authenticateGraph(r, path)
	first, rest, _ := strings.Cut(path, "/")
	id, _, _ := strings.Cut(rest, "/")
	switch {
	case fail != nil:
	case !permits(t.names, "User.Read"):
		fail = &graphError{status: http.StatusForbidden, code: "Authorization_RequestDenied", message: "Insufficient privileges to complete the operation."}
	case first == "users" && id != "":
		fail = missing(id)
	default:
		fail = &graphError{status: http.StatusBadRequest, code: "BadRequest", message: "Resource not found for the segment '" + first + "'."}
	}
	s.writeGraphError(w, r, fail)
}

func (s *Server) serveUser(w http.ResponseWriter, r *http.Request, path string) {
	if a := s.graphCall(w, r, path, readUser); a != nil {
		s.writeUser(w, r, a, "users", "")
	}
}

func (s *Server) serveManager(w http.ResponseWriter, r *http.Request, path string) {
	a := s.graphCall(w, r, path, permissions{own: []string{s.settings.managerScope}, other: []string{"User.Read.All"}})
	if a == nil {
		return
	}
	manager := find(a.ManagerID, []*tenant{a.tenant})
	if a.ManagerID == "" || manager == nil {
		s.writeGraphError(w, r, missing("manager"))
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
	s.writeObject(w, append(object, selected...))
}

func (s *Server) writeObject(w http.ResponseWriter, object []property) {
	w.Header().Set("Content-Type", odataJSON)
	w.Header().Set("OData-Version", "4.0")
	_, _ = w.Write(encodeObject(object)) // the client has gone; there is nobody to tell
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
		name, _ := json.Marshal(p.name) // strings, numbers and lists: cannot fail
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

func isPhotoSize(rest string) bool {
	return strings.HasPrefix(rest, "photos/") && strings.HasSuffix(rest, "/$value") && strings.Count(rest, "/") == 2
}

// servePhoto is photo/$value and photos/{size}/$value.
func (s *Server) servePhoto(w http.ResponseWriter, r *http.Request, path string) {
	a := s.graphCall(w, r, path, readUser)
	if a == nil {
		return
	}
	photo := a.Photo
	if size, ok := strings.CutPrefix(below(path), "photos/"); ok {
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
