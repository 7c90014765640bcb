package entratest_test

import (
	"crypto/rsa"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestWithCloud_HostsAndAudiencesAreThoseOfTheCloud(t *testing.T) {
	t.Parallel()
	for cloud, want := range map[entratest.Cloud]struct{ login, graph, audience string }{
		entratest.PublicCloud:       {"login.microsoftonline.com", "graph.microsoft.com", "api://AzureADTokenExchange"},
		entratest.USGovernmentCloud: {"login.microsoftonline.us", "graph.microsoft.us", "api://AzureADTokenExchangeUSGov"},
		entratest.USDoDCloud:        {"login.microsoftonline.us", "dod-graph.microsoft.us", "api://AzureADTokenExchangeUSGov"},
		entratest.ChinaCloud:        {"login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn", "api://AzureADTokenExchangeChina"},
		entratest.BleuCloud:         {"login.sovcloud-identity.fr", "graph.svc.sovcloud.fr", "api://AzureADTokenExchangeFrance"},
		entratest.DelosCloud:        {"login.sovcloud-identity.de", "graph.svc.sovcloud.de", "api://AzureADTokenExchangeGermany"},
		entratest.GovSGCloud:        {"login.sovcloud-identity.sg", "graph.svc.sovcloud.sg", "api://AzureADTokenExchangeGovSG"},
	} {
		t.Run(string(cloud), func(t *testing.T) {
			t.Parallel()
			keys := testKeys()
			s := newServer(t, entratest.WithCloud(cloud), entratest.WithFederatedCredential(entratest.FederatedCredential{
				Issuer: "https://issuer.example", Subject: "system:serviceaccount:shop:web", Keys: []*rsa.PublicKey{&keys[0].PublicKey},
			}))
			if s.Authority != "https://"+want.login+"/"+s.TenantID || s.GraphURL != "https://"+want.graph+"/v1.0" {
				t.Errorf("%s, %s", s.Authority, s.GraphURL)
			}
			for _, audience := range []string{want.audience, want.audience + "Other"} {
				a := redeem(t, s, assertionForm(s, sign(t, keys[0], claimSet{"alg": "RS256"}, workload(claimSet{"aud": audience}))))
				if accepted := a.StatusCode == 200; accepted != (audience == want.audience) {
					t.Errorf("%s: %s", audience, a.body)
				}
			}
			// On loopback the scopes of the cloud's Graph still exist.
			if err := s.Listen(entratest.ListenConfig{}); err != nil {
				t.Fatal(err)
			}
			scope := "scope=openid https://" + want.graph + "/User.Read"
			body := redeem(t, s, codeForm(s, signIn(t, s, adeleName, scope).Values.Get("code"), scope)).json(t)
			if !strings.Contains(text(t, body["scope"]), "User.Read") {
				t.Errorf("%v", body)
			}
		})
	}
}

func TestWithCloud_RefusesOthers(t *testing.T) {
	t.Parallel()
	defer func() {
		if reason, _ := recover().(string); !strings.Contains(reason, `no cloud "mars"`) {
			t.Errorf("panic %q", reason)
		}
	}()
	entratest.New(entratest.WithCloud("mars"))
}
