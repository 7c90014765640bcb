package accesstoken

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/internal/jws"
	"github.com/fibermsal/fibermsal/internal/rawjson"
)

// MaxLength is the maximum length of tokens that are parsed. Fiber's header buffer is usually smaller.
const MaxLength = 32 << 10

// Claims are the claims of a verified access token. They are shared by requests and must not be
// changed.
type Claims struct {
	Version  string // "1.0" or "2.0"
	Issuer   string
	Audience string
	TenantID string
	ObjectID string // of the user or, without a user, of the service principal
	Subject  string
	ClientID string // of the app that calls

	Expiry, IssuedAt, NotBefore int64 // Unix seconds

	Scopes []string // that a user has granted to the calling app
	Roles  []string // of the user or, without a user, of the calling app
	// AppOnly is set if the app calls without a user.
	AppOnly bool

	Name, Username, Email string
	Groups                []string
	GroupsElsewhere       bool
	AuthContexts          []string
	AuthenticatedAt       int64 // Unix seconds, or 0
	// Capabilities are the capabilities of the client, such as cp1, which means that it understands
	// claims challenges.
	Capabilities []string
	// ActorFacets and SubjectFacets are the kinds of identity that call: 11 is an agent, 13 an agent's
	// user.
	ActorFacets, SubjectFacets []string
	// Blueprint is the client ID of the application from which an agent was created.
	Blueprint string

	payload jws.Object
}

// Claim decodes a claim, and reports whether the token has it.
func (c *Claims) Claim(name string, into any) (present bool, err error) {
	_ = c.payload.Members(func(n, value []byte) {
		if string(n) == name {
			present, err = true, json.Unmarshal(value, into)
		}
	})
	return present, err
}

// IsAgent reports whether the caller is an agent or the user account of an agent. The facets are
// optional claims; a blueprint is also sufficient, because only agents have one.
func (c *Claims) IsAgent() bool {
	isAgent := func(facet string) bool { return facet == "11" || facet == "13" }
	return c.Blueprint != "" || slices.ContainsFunc(c.ActorFacets, isAgent) || slices.ContainsFunc(c.SubjectFacets, isAgent)
}

// Size returns the approximate size of the claims in bytes.
func (c *Claims) Size() int { return 2 * len(c.payload) }

// parsed are the claims of a token whose signature has not been verified.
type parsed struct {
	Claims

	idType     string
	azp, appID string
	upn, alias string // other names of the user
	audiences  []string
	isIDToken  bool // an access token has no nonce
	isUnscoped bool // a token that an agent got for itself
	wrongTypes bool // a claim that affects a decision has a wrong type
}

// types are the values of the header typ that an access token may have; it may also be missing. Other
// kinds of JWTs have other values (RFC 8725 section 3.11).
var types = []string{"jwt", "at+jwt", "application/at+jwt"}

// decode decodes a compact JWS without verifying it. The claims do not refer to the bytes in raw.
func decode(raw []byte) (*parsed, *jws.Header, error) {
	parts, ok := jws.Split(raw)
	if !ok || len(raw) > MaxLength {
		return nil, nil, reject(Malformed)
	}
	h, err := parts.ReadHeader()
	if err != nil || h.HasType && !slices.Contains(types, strings.ToLower(h.Type)) {
		return nil, nil, reject(Malformed)
	}
	p := &parsed{}
	if p.payload, err = jws.DecodeObject(parts.Payload); err != nil || p.payload.Members(p.read) != nil || p.wrongTypes {
		return nil, nil, reject(Malformed)
	}
	p.complete()
	return p, h, nil
}

// complete sets the fields that follow from several claims.
func (p *parsed) complete() {
	if p.ClientID = p.azp; p.Version == "1.0" {
		p.ClientID = p.appID
	}
	p.Username = cmp.Or(p.Username, p.upn, p.alias)
	// The claim idtyp is optional. Without it, an app's token can be recognized because its subject is
	// the app itself, whereas a user has a different subject for each API.
	switch p.idType {
	case "user":
	case "":
		p.AppOnly = p.ObjectID == p.Subject || p.isUnscoped && len(p.Scopes) == 0
	default: // app, or device
		p.AppOnly = true
	}
}

// read reads a claim. A claim that decides whether the token is accepted must have the correct JSON
// type; other claims are used if possible.
func (p *parsed) read(name, value []byte) {
	switch string(name) {
	case "ver":
		p.must(&p.Version, value)
	case "iss":
		p.must(&p.Issuer, value)
	case "aud":
		p.audiences = list(value)
		p.wrongTypes = p.wrongTypes || len(p.audiences) == 0
	case "tid":
		p.must(&p.TenantID, value)
	case "oid":
		p.must(&p.ObjectID, value)
	case "sub":
		p.must(&p.Subject, value)
	case "azp":
		p.must(&p.azp, value)
	case "appid":
		p.must(&p.appID, value)
	case "exp":
		p.must(&p.Expiry, value)
	case "iat":
		p.must(&p.IssuedAt, value)
	case "nbf":
		p.must(&p.NotBefore, value)
	case "idtyp":
		p.must(&p.idType, value)
	case "nonce", "c_hash", "at_hash":
		p.isIDToken = true
	default:
		p.readMore(name, value)
	}
}

// unscoped is the claim scp in some tokens that agents get for themselves. It is not a permission.
const unscoped = "/"

// readMore reads claims that do not decide whether the token is accepted.
func (p *parsed) readMore(name, value []byte) {
	switch string(name) {
	case "scp":
		all := strings.Fields(jws.Text(value))
		p.isUnscoped = slices.Contains(all, unscoped)
		p.Scopes = slices.DeleteFunc(all, func(scope string) bool { return scope == unscoped })
	case "roles":
		p.Roles = list(value)
	case "name":
		p.Name = jws.Text(value)
	case "preferred_username":
		p.Username = jws.Text(value)
	case "upn":
		p.upn = jws.Text(value)
	case "unique_name":
		p.alias = jws.Text(value)
	case "email":
		p.Email = jws.Text(value)
	case "groups":
		p.Groups = list(value)
	case "hasgroups":
		p.GroupsElsewhere = p.GroupsElsewhere || string(value) == "true" || jws.Text(value) == "true"
	case "_claim_names":
		_ = jws.Object(value).Members(func(name, _ []byte) { p.GroupsElsewhere = p.GroupsElsewhere || string(name) == "groups" })
	case "acrs":
		p.AuthContexts = list(value)
	case "auth_time":
		_ = json.Unmarshal(value, &p.AuthenticatedAt)
	case "xms_cc":
		p.Capabilities = list(value)
	case "xms_act_fct":
		p.ActorFacets = facets(value)
	case "xms_sub_fct":
		p.SubjectFacets = facets(value)
	case "xms_par_app_azp":
		p.Blueprint = jws.Text(value)
	}
}

// must reads a claim that must have the type of its field.
func (p *parsed) must(field any, value []byte) {
	switch field := field.(type) {
	case *string:
		if text, ok := rawjson.Text(value); ok {
			*field = text
			return
		}
	case *int64:
		if number, err := strconv.ParseInt(string(value), 10, 64); err == nil {
			*field = number
			return
		}
	}
	p.wrongTypes = json.Unmarshal(value, field) != nil || rawjson.IsNull(value) || p.wrongTypes
}

// list reads a list. A string counts as a list with one item.
func list(value []byte) (items []string) {
	if s, isText := rawjson.Text(value); isText {
		if s != "" {
			return []string{s}
		}
		return nil
	}
	if json.Unmarshal(value, &items) != nil {
		return nil
	}
	return slices.DeleteFunc(items, func(s string) bool { return s == "" })
}

// facets reads numbers that are separated by spaces.
func facets(value []byte) []string { return strings.Fields(jws.Text(value)) }
