package fibermsal_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// Only honest tokens are accepted, and the oracle, which uses go-jose, comes to the same result for
// each token.
func TestAPI_OnlyHonestTokensPass(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, entratest.WithAPI(ownAPI(version)))
			idp.PublishForeignKey()
			own := map[int]string{1: apiURI, 2: idp.ClientID}[version]
			issuers := [3]string{1: "https://sts.windows.net/" + idp.TenantID + "/", 2: idp.Authority + "/v2.0"}
			rows := slices.Concat(
				[]tokenRow{{"an honest one", ofAUser, func(*entratest.AccessToken) {}}},
				signatureRows(t), issuerRows(version, issuers), audienceRows(version, own), timeRows(), kindRows(version), formRows(own),
			)
			s := newAPI(t, idp)
			refused := 0
			for _, row := range rows {
				s.checkRow(row)
				if row.result != ofAUser && row.result != ofAnApp {
					refused++
				}
			}
			if refused < 100 {
				t.Errorf("only %d tokens that must be refused", refused)
			}
		})
	}
}

// checkRow calls with the token of a row twice, because tokens are cached, and then with an honest
// token.
func (s apiSite) checkRow(row tokenRow) {
	s.t.Helper()
	s.idp.TamperAccessToken(row.change)
	raw := s.idp.Issue(adele, apiScope)
	s.idp.TamperAccessToken(nil)
	for range 2 {
		before := len(s.log.String())
		a := s.call("/api/any", raw)
		said := s.log.String()[before:]
		result := map[bool]string{true: ofAnApp, false: ofAUser}[strings.Contains(a.Text, `"app_only":true`)]
		switch {
		case a.StatusCode != http.StatusOK && !strings.Contains(said, `"`+row.result+`"`):
			s.t.Errorf("%s: %d %s, want %s\n%s", row.name, a.StatusCode, a.Text, row.result, said)
		case a.StatusCode == http.StatusOK && result != row.result:
			s.t.Errorf("%s: accepted as %s, want %s", row.name, result, row.result)
		case a.StatusCode != http.StatusOK && a.StatusCode != http.StatusUnauthorized && a.StatusCode != http.StatusBadRequest:
			s.t.Errorf("%s: %d", row.name, a.StatusCode)
		}
	}
	isUser := row.result == ofAUser
	if a := s.call("/api/me", raw); (a.StatusCode == http.StatusOK) != isUser {
		s.t.Errorf("%s: a route for users: %d", row.name, a.StatusCode)
	}
	if result, err := (oracle{s.idp, s.idp.ClientID}).decide(raw); (err == nil) != (row.result == ofAUser || row.result == ofAnApp) || err == nil && result != row.result {
		s.t.Errorf("%s: the oracle says %q, %v, want %s", row.name, result, err, row.result)
	}
	if a := s.call("/api/any", s.idp.Issue(adele, apiScope)); a.StatusCode != http.StatusOK {
		s.t.Errorf("%s: the next honest one: %d %s", row.name, a.StatusCode, a.Text)
	}
}
