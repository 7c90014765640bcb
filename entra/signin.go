package entra

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// maxValues bounds what OnSignIn may add to a session, in bytes of JSON.
const maxValues = 4 << 10

// SignIn is a sign-in that is about to begin a session. It is valid during one call of
// Config.OnSignIn and must not be retained. It is not safe for concurrent use, except for its
// Credential.
type SignIn struct {
	// User may be completed: Name, Mail and Roles. Changes of other fields have no effect.
	User *User
	// Credential returns tokens of the user, as TokenCredential does later.
	Credential azcore.TokenCredential

	values map[string]json.RawMessage
}

// Set adds a value to the session under a name, in place of an earlier value of that name. It
// becomes part of User.Values and of the answer of GET /user/info, so it must not be a secret. It
// does not change during the session. The fields of /user/info that are the library's own, and
// those of Config.Info, hide values of the same name.
//
// The value is encoded as JSON at once. Names and values may have 4,096 bytes together. If they
// would exceed that, or if the value cannot be encoded, Set returns an error and changes nothing.
// It must not be called by several goroutines at the same time, nor after OnSignIn has returned.
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
