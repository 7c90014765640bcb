package doctor

import "testing"

func TestReadAuthorization_DistinguishesAnswers(t *testing.T) {
	t.Parallel()
	const redirectURI = "https://app.example/user/authorized"
	for name, row := range map[string]struct {
		status                                            int
		location, page                                    string
		needsUser, unclear, ofScopes, unregistered, other bool
	}{
		"nobody signed in":   {status: 302, location: redirectURI + "?error=login_required&error_description=AADSTS50058%3a+A+silent", needsUser: true},
		"consent missing":    {status: 302, location: redirectURI + "?error=consent_required&error_description=AADSTS65001", needsUser: true},
		"no such scope":      {status: 302, location: redirectURI + "?error=invalid_client&error_description=AADSTS650053", ofScopes: true},
		"Entra has a fault":  {status: 302, location: redirectURI + "?error=server_error&error_description=AADSTS90033", unclear: true},
		"not registered":     {status: 200, page: "<p>AADSTS50011: The redirect URI", unregistered: true},
		"none registered":    {status: 400, page: "AADSTS500113", unregistered: true},
		"app not there":      {status: 400, page: "AADSTS700016", other: true},
		"a page":             {status: 200, page: "<html>Sign in</html>", unclear: true},
		"a page about it":    {status: 400, page: "AADSTS50058", unclear: true},
		"elsewhere":          {status: 302, location: "https://evil.example/user/authorized?error=login_required", unclear: true},
		"almost":             {status: 302, location: redirectURI + "/?error=login_required", unclear: true},
		"not a URL":          {status: 302, location: "http://%zz", unclear: true},
		"a code for nobody":  {status: 302, location: redirectURI + "?code=x", needsUser: true},
		"error without text": {status: 302, location: redirectURI + "?error=invalid_scope", ofScopes: true},
	} {
		a := readAuthorization(row.status, row.location, row.page, redirectURI)
		if a.needsUser() != row.needsUser || a.isUnclear() != row.unclear || a.refusesScopes() != row.ofScopes || a.isUnregistered() != row.unregistered {
			t.Errorf("%s: %+v", name, a)
		}
	}
}
