package doctor

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/fibermsal/fibermsal/internal/discovery"
)

// signingKeys checks the keys with which ID tokens are verified.
func (d *diagnosis) signingKeys(ctx context.Context, address string) []Finding {
	body, err := discovery.Get(ctx, d.client, address)
	problem, fix := "it contains no RSA key", "let this machine reach "+address
	if err != nil {
		problem, fix = causeOf(err), reachFix(address, err)
	}
	if count := countSigningKeys(body); count > 0 {
		return []Finding{ok("signing_keys", fmt.Sprintf("the keys that sign ID tokens were read (%d)", count))}
	}
	return []Finding{{
		Severity: SeverityError, Code: "signing_keys",
		What: "the keys that sign ID tokens cannot be read" + d.recorder.through(address) + ": " + problem,
		Why:  "ID tokens cannot be verified, so nobody can sign in",
		Fix:  fix,
	}}
}

// countSigningKeys returns how many keys of a JWKS document can verify Entra's ID tokens.
func countSigningKeys(document []byte) (count int) {
	var set struct {
		Keys []struct {
			Type string `json:"kty"`
			ID   string `json:"kid"`
		} `json:"keys"`
	}
	_ = json.Unmarshal(document, &set) // an unreadable document has no keys
	for _, k := range set.Keys {
		if k.Type == "RSA" && k.ID != "" {
			count++
		}
	}
	return count
}
