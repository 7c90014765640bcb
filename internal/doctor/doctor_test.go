package doctor_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/doctor"
)

func TestSkew_IsWhatTheHeaderCannotExplain(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)
	for name, row := range map[string]struct {
		header http.Header
		want   time.Duration
		told   bool
	}{
		"in step":        {http.Header{"Date": {"Fri, 02 Jan 2026 03:04:05 GMT"}}, 0, true},
		"a slow answer":  {http.Header{"Date": {"Fri, 02 Jan 2026 03:04:07 GMT"}}, 0, true},
		"ahead":          {http.Header{"Date": {"Fri, 02 Jan 2026 03:00:05 GMT"}}, 3*time.Minute + 59*time.Second + 600*time.Millisecond, true},
		"behind":         {http.Header{"Date": {"Fri, 02 Jan 2026 03:05:07 GMT"}}, -59*time.Second - 400*time.Millisecond, true},
		"from a cache":   {http.Header{"Date": {"Fri, 02 Jan 2026 02:04:05 GMT"}, "Age": {"3600"}}, 0, true},
		"no header":      {http.Header{}, 0, false},
		"not a date":     {http.Header{"Date": {"today"}}, 0, false},
		"a nonsense age": {http.Header{"Date": {"Fri, 02 Jan 2026 03:04:05 GMT"}, "Age": {"-1"}}, 0, true},
	} {
		got, told := doctor.Skew(row.header, now, now.Add(2*time.Second))
		if got != row.want || told != row.told {
			t.Errorf("%s: %v, %v", name, got, told)
		}
	}
}

func TestReadAuthorization_TellsWhoAnswered(t *testing.T) {
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
		a := doctor.ReadAuthorization(row.status, row.location, row.page, redirectURI)
		if a.NeedsUser() != row.needsUser || a.Unclear() != row.unclear || a.OfScopes() != row.ofScopes || a.Unregistered() != row.unregistered {
			t.Errorf("%s: %+v", name, a)
		}
	}
}
