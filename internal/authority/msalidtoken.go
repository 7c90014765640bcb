package authority

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// msalText is a claim that MSAL decodes into a string.
type msalText struct{}

// UnmarshalJSON implements [json.Unmarshaler].
func (*msalText) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && (raw[0] == '"' || raw[0] == 'n') { // null is no text, and no error
		return nil
	}
	return errors.New("authority: not a text")
}

// msalClaims are the claims that MSAL decodes although neither it nor the library needs them.
// MSAL fails a whole token call if one of them is no text, after the code has been redeemed
// (trap M8).
type msalClaims struct {
	Username   msalText `json:"preferred_username"`
	GivenName  msalText `json:"given_name"`
	FamilyName msalText `json:"family_name"`
	MiddleName msalText `json:"middle_name"`
	Name       msalText `json:"name"`
	UPN        msalText `json:"upn"`
	Email      msalText `json:"email"`
	Other      msalText `json:"alternative_id"`
}

// readableIDToken returns an id_token that MSAL can decode: without the claims that it could
// not, and the same one if there are none. What is verified is the token that Entra sent.
func readableIDToken(raw string) string {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return raw
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, new(msalClaims)) == nil {
		return raw
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(payload, &all) != nil {
		return raw
	}
	for name, value := range all {
		// A claim by itself is decoded as beside the others, by a name of any case.
		alone, err := json.Marshal(map[string]json.RawMessage{name: value})
		if err != nil || json.Unmarshal(alone, new(msalClaims)) != nil {
			delete(all, name)
		}
	}
	if payload, err = json.Marshal(all); err != nil {
		return raw
	}
	parts[1] = base64.RawURLEncoding.EncodeToString(payload)
	return strings.Join(parts, ".")
}
