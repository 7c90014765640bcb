package entratest

import (
	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
)

// Issue returns an access token of the user without a sign-in, for tests of Graph or of an API alone. The scopes
// are of one resource: "User.Read", "api://orders/Orders.Read". Without scopes it is for Graph's User.Read.
func (s *Server) Issue(login string, scopes ...string) string {
	if len(scopes) == 0 {
		scopes = []string{"User.Read"}
	}
	return s.parts.issuer.Issue(s.tokenOf(login, scopes))
}

// IssueForApp returns an access token of the application itself without a call, as a daemon gets it by
// client_credentials. The scope is all of one resource: "api://orders/.default". Its roles are the permissions of
// [WithAppPermissions].
func (s *Server) IssueForApp(scope string) string {
	return s.parts.issuer.Issue(s.tokenOfApp(scope))
}

// IssueForAgent returns an access token with which an agent identity of Entra Agent ID calls an API, without a call:
// on behalf of the user, or with the user account of the agent, if [User].Agent is set. The scopes are those of
// Issue. Without a login, the agent calls as itself, and the scope and roles are those of IssueForApp.
func (s *Server) IssueForAgent(login string, scopes ...string) string {
	var t *issuer.AccessToken
	switch {
	case login != "":
		t = s.tokenOf(login, scopes)
	case len(scopes) == 1:
		t = s.tokenOfApp(scopes[0])
	default:
		panic("entratest: an agent that calls as itself needs one scope, that of all permissions of an API")
	}
	t.Agent = true
	return s.parts.issuer.Issue(t)
}

func (s *Server) tokenOf(login string, names []string) *issuer.AccessToken {
	a := s.parts.directory.MustFind(login)
	resource, names := s.parts.scopes.MustParseOne(names)
	return &issuer.AccessToken{Grant: grants.Grant{Account: a}, Resource: resource, Names: names}
}

func (s *Server) tokenOfApp(scope string) *issuer.AccessToken {
	resource, fail := s.parts.scopes.ParseApp(scope)
	if fail != nil {
		panic("entratest: " + scope + " is not the scope of all permissions of an API, such as api://orders/.default")
	}
	return &issuer.AccessToken{
		Tenant: s.parts.directory.Tenants[0], Resource: resource, Names: scopes.RolesOf(s.parts.app.Permissions, resource),
	}
}
