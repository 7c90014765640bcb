package graph_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

func withProfile(cfg *fibermsal.Config) { cfg.OnSignIn = graph.Profile }

// userOf returns the signed-in user, and fails the test if there is none.
func userOf(b *browser) *fibermsal.User {
	b.t.Helper()
	var user *fibermsal.User
	b.run(func(c *fiber.Ctx) error {
		user, _ = fibermsal.FromContext(c)
		return nil
	})
	if user == nil {
		b.t.Fatal("nobody is signed in")
	}
	return user
}

func TestProfile_CompletesTheUser(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProfile)
	b := s.signIn(t, adele)
	s.entra.ResetRequests()
	u := userOf(b)
	const manager = `{"id":"2b7c52d7-6b10-4a1f-8e4f-1d6f7a2c1b02","name":"Miriam Graham","mail":"miriamg@contoso.com"}`
	if u.Name != "Adele Vance" || u.Mail != "adelev@contoso.com" || string(u.Values["manager"]) != manager {
		t.Errorf("got %q %q %s", u.Name, u.Mail, u.Values["manager"])
	}
	var info map[string]any
	if err := json.Unmarshal([]byte(b.Get("/user/info").Text), &info); err != nil || info["manager"] == nil {
		t.Errorf("/user/info has %v, %v", info, err)
	}
	if n := len(s.entra.Requests()); n != 0 {
		t.Errorf("showing the user took %d requests", n)
	}
}

func TestProfile_PrefersGraphsNameAndMail(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		me         string
		name, mail string
	}{
		"new name and mail": {`{"id":"OID","displayName":"Adele Smith","mail":"Adele.Smith@contoso.com"}`, "Adele Smith", "adele.smith@contoso.com"},
		"null":              {`{"id":"OID","displayName":null,"mail":null}`, "Adele Vance", "adelev@contoso.com"},
		"empty":             {`{"id":"OID","displayName":"","mail":""}`, "Adele Vance", "adelev@contoso.com"},
		"odd mail":          {`{"id":"OID","displayName":"Adele Smith","mail":"not a mail"}`, "Adele Smith", "adelev@contoso.com"},
		"id in other case":  {`{"id":"87D349ED-44D7-43E1-9A83-5F2406DEE5BD","displayName":"Adele Smith"}`, "Adele Smith", "adelev@contoso.com"},
		"endless name":      {`{"id":"OID","displayName":"` + strings.Repeat("a", 300) + `"}`, "Adele Vance", "adelev@contoso.com"},
		"somebody else":     {`{"id":"00000000-0000-0000-0000-000000000000","displayName":"Mallory","mail":"m@evil.example"}`, "Adele Vance", "adelev@contoso.com"},
		"nobody":            {`{"displayName":"Mallory","mail":"m@evil.example"}`, "Adele Vance", "adelev@contoso.com"},
		"no object":         {`[]`, "Adele Vance", "adelev@contoso.com"},
		"numbers":           {`{"id":7,"displayName":7,"mail":7}`, "Adele Vance", "adelev@contoso.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, withProfile)
			s.entra.TamperIDToken(func(token *entratest.IDToken) { token.Claims["email"] = "adelev@contoso.com" })
			s.entra.Fault(entratest.GraphMe, entratest.Fault{Body: strings.ReplaceAll(tt.me, "OID", "87d349ed-44d7-43e1-9a83-5f2406dee5bd")})
			u := userOf(s.signIn(t, adele))
			if u.Name != tt.name || u.Mail != tt.mail {
				t.Errorf("got %q %q", u.Name, u.Mail)
			}
			sameUser := strings.Contains(tt.me, "OID") || strings.Contains(tt.me, "87D3")
			if got := u.Values["manager"] != nil; got != sameUser {
				t.Errorf("the manager is set: %t", got)
			}
		})
	}
}

// aiohttp_msal fails the sign-in of a user without a mailbox, and ignores the status of the
// manager's response.
func TestProfile_MailAndManagerMayBeMissing(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProfile)
	if u := userOf(s.signIn(t, johanna)); u.Name != "Johanna Lorenz" || u.Mail != "" || u.Values["manager"] == nil {
		t.Errorf("got %+v", u)
	}
	if u := userOf(s.signIn(t, patti)); u.Name != "Patti Fernandez" || u.Values["manager"] != nil {
		t.Errorf("got %+v", u)
	}
}

func TestProfile_NeverFailsAndNeverTakesLong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		endpoint entratest.Endpoint
		fault    entratest.Fault
		took     time.Duration
		manager  bool
		calls    int
	}{
		"me forbidden":       {entratest.GraphMe, entratest.Fault{Status: 403, Body: `{}`}, 0, false, 1},
		"me not found":       {entratest.GraphMe, entratest.Fault{Status: 404, Body: `{}`}, 0, false, 1},
		"me down":            {entratest.GraphMe, entratest.Fault{Drop: true}, 0, false, 1},
		"me busy":            {entratest.GraphMe, entratest.Fault{Status: 503}, 0, false, 1},
		"me busy for long":   {entratest.GraphMe, entratest.Fault{Status: 429, Header: http.Header{"Retry-After": {"300"}}}, 0, false, 1},
		"me slow":            {entratest.GraphMe, entratest.Fault{Delay: time.Hour}, 2 * time.Second, false, 1},
		"me HTML":            {entratest.GraphMe, entratest.Fault{Body: "<html>"}, 0, false, 1},
		"manager forbidden":  {entratest.GraphManager, entratest.Fault{Status: 403, Body: `{}`}, 0, false, 1},
		"manager slow":       {entratest.GraphManager, entratest.Fault{Delay: time.Hour}, 2 * time.Second, false, 1},
		"manager late":       {entratest.GraphManager, entratest.Fault{Delay: time.Second}, time.Second, true, 1},
		"manager busy":       {entratest.GraphManager, entratest.Fault{Status: 503}, 0, false, 1},
		"manager without id": {entratest.GraphManager, entratest.Fault{Body: `{"displayName":"X"}`}, 0, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, withProfile)
				s.entra.TamperIDToken(func(token *entratest.IDToken) { token.Claims["email"] = "adelev@contoso.com" })
				s.entra.Fault(tt.endpoint, tt.fault)
				start := time.Now()
				u := userOf(s.signIn(t, adele))
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v", took)
				}
				if u.Name != "Adele Vance" || u.Mail != "adelev@contoso.com" || (u.Values["manager"] != nil) != tt.manager {
					t.Errorf("got %+v", u)
				}
				if n := s.entra.Count(tt.endpoint); n != tt.calls {
					t.Errorf("%d requests", n)
				}
				checkNoSecrets(t, s.entra, s.log.String())
			})
		})
	}
}

func TestProfile_WithoutACredentialDoesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range []*fibermsal.SignIn{nil, {}, {User: &fibermsal.User{Name: "Adele"}}} {
		if err := graph.Profile(t.Context(), s); err != nil {
			t.Errorf("got %v", err)
		}
	}
}
