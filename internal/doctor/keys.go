package doctor

import "encoding/json"

// SigningKeys is how many keys a JWKS document has that can sign an id_token of Entra's.
func SigningKeys(document []byte) (count int) {
	var set struct {
		Keys []struct {
			Type string `json:"kty"`
			ID   string `json:"kid"`
		} `json:"keys"`
	}
	_ = json.Unmarshal(document, &set) // without keys there are none
	for _, k := range set.Keys {
		if k.Type == "RSA" && k.ID != "" {
			count++
		}
	}
	return count
}
