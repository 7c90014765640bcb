package accesstoken

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
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
}

// parsed are the claims of a token whose signature has not been verified.
type parsed struct {
	Claims

	idType     string
	audiences  []string
	isIDToken  bool // an access token has no nonce
	wrongTypes bool // of a claim that decides something
}

// decode decodes the payload of a compact JWS without verifying it.
func decode(raw string) (p *parsed, payload []byte, err error) {
	if len(raw) > maxLength || strings.Count(raw, ".") != 2 {
		return nil, nil, reject(Malformed)
	}
	payload, err = base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	if err != nil {
		return nil, nil, reject(Malformed)
	}
	p = &parsed{}
	if members(payload, p.read) != nil || p.wrongTypes {
		return nil, nil, reject(Malformed)
	}
	p.AppOnly = p.idType == "app" || (p.idType == "" && len(p.Scopes) == 0 && p.ObjectID == p.Subject)
	return p, payload, nil
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
	case "azp", "appid":
		p.must(&p.ClientID, value)
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

// readMore reads claims that decide nothing about the token itself.
func (p *parsed) readMore(name string, value []byte) {
	switch name {
	case "scp":
		p.Scopes = strings.Fields(text(value))
	case "roles":
		p.Roles = list(value)
	case "name":
		p.Name = text(value)
	case "preferred_username", "upn":
		p.Username = text(value)
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
	}
}

// must reads a claim whose type must be that of its field.
func (p *parsed) must(field any, value []byte) {
	p.wrongTypes = json.Unmarshal(value, field) != nil || string(value) == "null" || p.wrongTypes
}

func text(value []byte) (s string) {
	_ = json.Unmarshal(value, &s)
	return s
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
