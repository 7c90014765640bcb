// Package signin serves the interactive part of Entra ID, which is the authorize endpoint with its
// pages, and admin consent.
package signin

import (
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/origins"
	"github.com/fibermsal/fibermsal/entratest/internal/pages"
	"github.com/fibermsal/fibermsal/entratest/internal/registration"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
	"github.com/fibermsal/fibermsal/entratest/internal/sso"
)

// Service serves the endpoints at which users sign in. It is safe for concurrent use.
type Service struct {
	App       *registration.App
	Directory *directory.Directory
	Scopes    *scopes.Catalogue
	Origins   *origins.Origins
	Pages     *pages.Writer
	Sessions  *sso.Sessions
	Codes     *grants.Codes
	NoPolicy  []string // authentication contexts that no Conditional Access policy uses
	Auto      bool     // sign the account of a login_hint in without a page
}
