package authority

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/internal/rawjson"
)

// msalTexts are the claims that MSAL decodes into strings although neither it nor the library needs
// them, by a name of any case. MSAL fails a whole token call if one of them is no text, after the code has been
// redeemed (trap M8).
var msalTexts = []string{"preferred_username", "given_name", "family_name", "middle_name", "name", "upn", "email", "alternative_id"}

// isReadable reports whether MSAL can decode a claim. null is no text, and no error.
func isReadable(name, value []byte) bool {
	return value[0] == '"' || rawjson.IsNull(value) ||
		!slices.ContainsFunc(msalTexts, func(text string) bool { return strings.EqualFold(text, string(name)) })
}

// msalRefuses reports whether MSAL refuses an id_token because of a claim that the library needs, too: a list of
// audiences, or a time that is no integer. An app's own MSAL client could not use the session.
func msalRefuses(name, value []byte) bool {
	is := func(claim string) bool { return strings.EqualFold(claim, string(name)) }
	switch {
	case len(name) != 3 || rawjson.IsNull(value):
		return false
	case slices.ContainsFunc([]string{"oid", "tid", "sub", "iss", "aud"}, is):
		return value[0] != '"'
	case slices.ContainsFunc([]string{"exp", "iat", "nbf"}, is):
		_, err := strconv.ParseInt(string(value), 10, 64)
		return err != nil
	}
	return false
}

// msalIDToken is an id_token that MSAL can decode, with the claims that MSAL makes an account of. They are not
// verified, and identify nobody.
type msalIDToken struct {
	raw                              string
	objectID, subject, username, upn string
	refused                          bool // MSAL can decode it in no way
}

// localAccount is MSAL's name for the user in the tenant.
func (t *msalIDToken) localAccount() string { return cmp.Or(t.objectID, t.subject) }

// displayed is MSAL's name for the user on a screen.
func (t *msalIDToken) displayed() string { return cmp.Or(t.username, t.upn) }

func (t *msalIDToken) read(name, value []byte) {
	var into *string
	switch string(name) {
	case "oid":
		into = &t.objectID
	case "sub":
		into = &t.subject
	case "preferred_username":
		into = &t.username
	case "upn":
		into = &t.upn
	default:
		return
	}
	*into, _ = rawjson.Text(value)
}

// readableIDToken returns an id_token that MSAL can decode: without the claims that it could
// not, and the same one if there are none. What is verified is the token that Entra sent.
func readableIDToken(raw string) msalIDToken {
	t := msalIDToken{raw: raw}
	header, rest, found := strings.Cut(raw, ".")
	encoded, signature, signed := strings.Cut(rest, ".")
	if !found || !signed || strings.Contains(signature, ".") {
		return t
	}
	payload, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return t
	}
	unreadable := false
	isObject := rawjson.Object(payload, func(name, value []byte) {
		unreadable, t.refused = unreadable || !isReadable(name, value), t.refused || msalRefuses(name, value)
		t.read(name, value)
	})
	if !isObject {
		return msalIDToken{raw: raw}
	}
	if unreadable {
		t.raw = header + "." + base64.RawURLEncoding.EncodeToString(readableClaims(payload)) + "." + signature
	}
	return t
}

func readableClaims(payload []byte) []byte {
	claims := []byte{'{'}
	rawjson.Object(payload, func(name, value []byte) {
		if !isReadable(name, value) {
			return
		}
		claims = append(nextMember(claims, name), value...)
	})
	return append(claims, '}')
}
