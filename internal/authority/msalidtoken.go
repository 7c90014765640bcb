package authority

import (
	"encoding/base64"
	"slices"
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

// readableIDToken returns an id_token that MSAL can decode: without the claims that it could
// not, and the same one if there are none. What is verified is the token that Entra sent.
func readableIDToken(raw string) string {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return raw
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return raw
	}
	unreadable := false
	isObject := rawjson.Object(payload, func(name, value []byte) { unreadable = unreadable || !isReadable(name, value) })
	if !isObject || !unreadable {
		return raw
	}
	parts[1] = base64.RawURLEncoding.EncodeToString(readableClaims(payload))
	return strings.Join(parts, ".")
}

func readableClaims(payload []byte) []byte {
	claims := []byte{'{'}
	rawjson.Object(payload, func(name, value []byte) {
		if !isReadable(name, value) {
			return
		}
		if len(claims) > 1 {
			claims = append(claims, ',')
		}
		claims = append(rawjson.AppendName(claims, string(name)), value...)
	})
	return append(claims, '}')
}
