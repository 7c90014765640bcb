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
	Audience string
	Scopes   []string
}

func (a API) audience() string {
	if id, ok := strings.CutPrefix(a.URI, "api://"); ok && a.Audience == "" && ids.IsGUID(id) {
		return id
	}
	if a.Audience == "" {
		return a.URI
	}
	return a.Audience
}

var validName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

// Check reports what is wrong with the API.
func (a API) Check() error {
	if !strings.Contains(a.URI, "://") || strings.HasSuffix(a.URI, "/") || strings.HasPrefix(a.URI, Graph) {
		return fmt.Errorf("the API URI %q is not one of another API, without a slash at its end", a.URI)
	}
	for _, name := range a.Scopes {
		if !validName.MatchString(name) {
			return fmt.Errorf("the scope %q of %s is malformed", name, a.URI)
		}
	}
	return nil
}
