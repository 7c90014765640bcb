package authority

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/internal/rawjson"
)

// msalTexts are the claims that MSAL decodes as strings although neither MSAL nor the library needs
// them. Their names match in any case. If one of them is not a string, MSAL fails the whole token call
// after the code has been redeemed (trap M8).
var msalTexts = []string{"preferred_username", "given_name", "family_name", "middle_name", "name", "upn", "email", "alternative_id"}

// isReadable reports whether MSAL can decode a claim. null is accepted, although it is not a string.
func isReadable(name, value []byte) bool {
	return value[0] == '"' || rawjson.IsNull(value) ||
		!slices.ContainsFunc(msalTexts, func(text string) bool { return strings.EqualFold(text, string(name)) })
}

// msalRefuses reports whether MSAL refuses an ID token because of a claim that the library also needs:
// a list of audiences, or a time that is not an integer. An app's own MSAL client could not use such a
// session.
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

// msalIDToken is an ID token that MSAL can decode, with the claims from which MSAL creates an account.
// They are not verified and must not be used to identify a user.
type msalIDToken struct {
	raw                              string
	objectID, subject, username, upn string
	refused                          bool // MSAL cannot decode it in any form
}

// localAccount returns MSAL's ID of the user in the tenant.
func (t *msalIDToken) localAccount() string { return cmp.Or(t.objectID, t.subject) }

// displayed returns MSAL's display name of the user.
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

// readableIDToken returns an ID token that MSAL can decode. It removes the claims that MSAL cannot
// decode, if there are any. The original token is the one that is verified.
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
