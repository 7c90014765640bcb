package entratest

import (
	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
)

// Issue returns an access token of the user without a sign-in, for tests of Graph or of an API alone.
// All scopes must belong to one resource, such as "User.Read" or "api://orders/Orders.Read". Without
// scopes, the token is for Graph's User.Read.
func (s *Server) Issue(login string, scopes ...string) string {
	if len(scopes) == 0 {
		scopes = []string{"User.Read"}
	}
	return s.parts.issuer.Issue(s.tokenOf(login, scopes))
}

// IssueForApp returns an access token of the application itself, as a daemon gets it with
// client_credentials, without a call of the token endpoint. The scope is the .default scope of a
// resource, such as "api://orders/.default". The roles in the token are the permissions of
// [WithAppPermissions].
func (s *Server) IssueForApp(scope string) string {
	return s.parts.issuer.Issue(s.tokenOfApp(scope))
}

// IssueForAgent returns an access token with which an agent identity of Entra Agent ID calls an API,
// without a call of the token endpoint. The agent calls on behalf of the user or, if [User].Agent is
// set, with its own user account; scopes are as for Issue. If login is empty, the agent calls as
// itself; scope and roles are as for IssueForApp.
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
