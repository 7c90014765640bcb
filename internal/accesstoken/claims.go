package accesstoken

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxLength bounds the tokens that are parsed. Fiber's header buffer is usually smaller.
const maxLength = 32 << 10

// Claims are the claims of a verified access token. They are shared by requests and must not be
// changed.
type Claims struct {
	Version  string // "1.0" or "2.0"
	Issuer   string
	Audience string
	TenantID string
	ObjectID string // of the user, or of the service principal that calls as itself
	Subject  string
	ClientID string // of the app that calls

	Expiry, IssuedAt, NotBefore int64 // Unix seconds

	Scopes []string // that a user granted to the app that calls
	Roles  []string // of the user, or of the app that calls as itself
	// AppOnly is set if the app calls as itself, and not for a user.
	AppOnly bool

	Name, Username, Email string
	Groups                []string
	GroupsElsewhere       bool
	AuthContexts          []string
	AuthenticatedAt       int64 // Unix seconds, or 0
	// Capabilities are those of the client, such as cp1: it understands claims challenges.
	Capabilities []string
	// ActorFacets and SubjectFacets say what kind of identity calls: 11 is an agent, 13 an agent's user.
	ActorFacets, SubjectFacets []string
	// Blueprint is the client ID of the application that an agent was made of.
	Blueprint string

	payload []byte
}

// Claim decodes a claim, and reports whether the token has it.
func (c *Claims) Claim(name string, into any) (present bool, err error) {
	_ = members(c.payload, func(n string, value []byte) {
		if n == name {
			present, err = true, json.Unmarshal(value, into)
		}
	})
	return present, err
}

// IsAgent reports whether an agent calls, or the user account of an agent. The claims that say so are
// optional, and only agents have a blueprint.
func (c *Claims) IsAgent() bool {
	isAgent := func(facet string) bool { return facet == "11" || facet == "13" }
	return c.Blueprint != "" || slices.ContainsFunc(c.ActorFacets, isAgent) || slices.ContainsFunc(c.SubjectFacets, isAgent)
}

// Size is about how many bytes the claims occupy.
func (c *Claims) Size() int { return 2 * len(c.payload) }

// parsed are the claims of a token whose signature has not been verified.
type parsed struct {
	Claims

	idType     string
	azp, appID string
	upn, alias string // other names of the user
	audiences  []string
	isIDToken  bool // an access token has no nonce
	wrongTypes bool // of a claim that decides something
}

// decode decodes a compact JWS without verifying it.
func decode(raw string) (p *parsed, payload []byte, err error) {
	if len(raw) > maxLength || strings.Count(raw, ".") != 2 { // before anything is made of it (threat B11)
		return nil, nil, reject(Malformed)
	}
	parts := strings.Split(raw, ".")
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil || !isHeader(header) {
		return nil, nil, reject(Malformed)
	}
	payload, err = base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, nil, reject(Malformed)
	}
	p = &parsed{}
	if members(payload, p.read) != nil || p.wrongTypes {
		return nil, nil, reject(Malformed)
	}
	p.complete(payload)
	return p, payload, nil
}

// complete sets what follows from several claims.
func (p *parsed) complete(payload []byte) {
	p.payload = payload
	if p.ClientID = p.azp; p.Version == "1.0" {
		p.ClientID = p.appID
	}
	p.Username = cmp.Or(p.Username, p.upn, p.alias)
	// The claim idtyp is optional. Without it, the subject of an app's token is the app itself. A user's has
	// another value for each API.
	switch p.idType {
	case "user":
	case "":
		p.AppOnly = p.ObjectID == p.Subject
	default: // app, or device
		p.AppOnly = true
	}
}

// types are the values of the header typ that an access token may have, besides none. Other kinds of
// JWTs have others (RFC 8725 section 3.11).
var types = []string{"jwt", "at+jwt", "application/at+jwt"}

// isHeader reports whether a header may be that of an access token. Its algorithm and key are checked
// with the signature.
func isHeader(header []byte) bool {
	ok := true
	err := members(header, func(name string, value []byte) {
		if name == "typ" {
			ok = slices.Contains(types, strings.ToLower(text(value)))
		}
	})
	return ok && err == nil
}

// read reads a claim. One that decides whether the token is accepted must have its JSON type; another
// is used if it can be used.
func (p *parsed) read(name string, value []byte) {
	switch name {
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

// unscoped is the claim scp of some tokens that agents get for themselves. It is no permission.
const unscoped = "/"

// readMore reads claims that decide nothing about the token itself.
func (p *parsed) readMore(name string, value []byte) {
	switch name {
	case "scp":
		p.Scopes = slices.DeleteFunc(strings.Fields(text(value)), func(scope string) bool { return scope == unscoped })
	case "roles":
		p.Roles = list(value)
	case "name":
		p.Name = text(value)
	case "preferred_username":
		p.Username = text(value)
	case "upn":
		p.upn = text(value)
	case "unique_name":
		p.alias = text(value)
	case "email":
		p.Email = text(value)
	case "groups":
		p.Groups = list(value)
	case "hasgroups":
		p.GroupsElsewhere = p.GroupsElsewhere || string(value) == "true" || text(value) == "true"
	case "_claim_names":
		_ = members(value, func(name string, _ []byte) { p.GroupsElsewhere = p.GroupsElsewhere || name == "groups" })
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
		p.Blueprint = text(value)
	}
}

// must reads a claim whose type must be that of its field.
func (p *parsed) must(field any, value []byte) {
	if text, ok := field.(*string); ok && isPlain(value) {
		*text = string(value[1 : len(value)-1])
		return
	}
	p.wrongTypes = json.Unmarshal(value, field) != nil || string(value) == "null" || p.wrongTypes
}

func text(value []byte) (s string) {
	if isPlain(value) {
		return string(value[1 : len(value)-1])
	}
	_ = json.Unmarshal(value, &s)
	return s
}

// isPlain reports whether JSON is a text that stands for itself.
func isPlain(value []byte) bool {
	return len(value) > 1 && value[0] == '"' && bytes.IndexByte(value, '\\') < 0 && utf8.Valid(value)
}

// list takes a text for a list of one.
func list(value []byte) (items []string) {
	if json.Unmarshal(value, &items) == nil {
		return slices.DeleteFunc(items, func(s string) bool { return s == "" })
	}
	if s := text(value); s != "" {
		return []string{s}
	}
	return nil
}

// facets are numbers with spaces between them.
func facets(value []byte) []string { return strings.Fields(text(value)) }
