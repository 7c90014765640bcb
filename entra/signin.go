package entra

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// maxValues is how many bytes of JSON OnSignIn may add to a session.
const maxValues = 4 << 10

// SignIn is a verified sign-in whose session is about to begin. It is valid during one call of
// Config.OnSignIn and must not be retained. It is not safe for concurrent use, except for its
// Credential.
type SignIn struct {
	// User is the verified user. OnSignIn may change Name, Mail and Roles; changes to other fields have no effect.
	User *User
	// Credential provides the user's tokens, as TokenCredential does later.
	Credential azcore.TokenCredential

	values map[string]json.RawMessage
}

// Set adds a value to the session under a name. It replaces an earlier value of the same name. The
// value becomes part of User.Values and of the response of GET /user/info, so it must not be a secret.
// It does not change during the session. In /user/info, the library's own fields and those of
// Config.Info take precedence over values of the same name.
//
// Set encodes the value as JSON immediately. All names and values together may have at most 4,096
// bytes. If they would exceed that, or if the value cannot be encoded, Set returns an error and changes
// nothing. It is not safe for concurrent use and must not be called after OnSignIn has returned.
func (s *SignIn) Set(name string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("fibermsal: SignIn.Set %q: %w", name, err)
	}
	size := len(name) + len(raw)
	for other, v := range s.values {
		if other != name {
			size += len(other) + len(v)
		}
	}
	if size > maxValues {
		return errors.New("fibermsal: SignIn.Set: the values of a session exceed 4 kB")
	}
	if s.values == nil {
		s.values = make(map[string]json.RawMessage)
	}
	s.values[name] = raw
	return nil
}
