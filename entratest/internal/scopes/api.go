package scopes

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/ids"
)

// API is entratest.API, whose fields are documented there.
type API struct {
	URI      string
	Version  int
	Audience string
	Scopes   []string
	Roles    map[string][]string
	NoIDType bool
	Capable  bool
}

// AudienceClaim is the aud claim of its tokens.
func (a API) AudienceClaim() string {
	id := a.applicationID()
	switch {
	case a.Audience != "":
		return a.Audience
	case id != "" && !a.IsVersion1():
		return id
	default:
		return a.URI
	}
}

// applicationID is the GUID of a URI api://<GUID>, or empty.
func (a API) applicationID() string {
	id, ok := strings.CutPrefix(a.URI, "api://")
	if !ok || !ids.IsGUID(id) {
		return ""
	}
	return id
}

// IsVersion1 reports whether its tokens are of version 1.
func (a API) IsVersion1() bool { return a.Version == 1 }

// IsOf reports whether the API is the application with that client id itself.
func (a API) IsOf(clientID string) bool {
	return a.applicationID() == clientID || a.AudienceClaim() == clientID
}

var validName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

// Check returns an error if the API is invalid.
func (a API) Check() error {
	if !strings.Contains(a.URI, "://") || strings.HasSuffix(a.URI, "/") || strings.HasPrefix(a.URI, Graph) {
		return fmt.Errorf("the API URI %q is not one of another API, without a slash at its end", a.URI)
	}
	if a.Version < 0 || a.Version > 2 {
		return fmt.Errorf("the access tokens of %s have version %d, which does not exist", a.URI, a.Version)
	}
	for _, name := range a.Scopes {
		if !validName.MatchString(name) {
			return fmt.Errorf("the scope %q of %s is malformed", name, a.URI)
		}
	}
	return nil
}
