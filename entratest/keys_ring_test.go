package entratest_test

import (
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestKeys_NameTheIssuerOfTheirTenant(t *testing.T) {
	t.Parallel()
	const tenant2 = "22222222-2222-4222-8222-222222222222"
	s := newServer(t, entratest.WithExtraTenant(tenant2))
	for segment, want := range map[string]string{
		"common": "{tenantid}", "organizations": "{tenantid}", s.TenantID: s.TenantID, "contoso.com": s.TenantID, tenant2: tenant2,
	} {
		if a := get(t, s, "https://login.entra.test/"+segment+"/discovery/v2.0/keys"); !strings.Contains(a.body, `"issuer":"https://login.entra.test/`+want+`/v2.0"`) {
			t.Errorf("%s: %s", segment, a.body)
		}
	}
}
