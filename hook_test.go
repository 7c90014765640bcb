package fibermsal_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func withHook(hook func(context.Context, *fibermsal.SignIn) error) func(*fibermsal.Config) {
	return func(cfg *fibermsal.Config) { cfg.OnSignIn = hook }
}

func TestOnSignIn_CompletesTheUserButNotWhoItIs(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t), withHook(func(_ context.Context, s *fibermsal.SignIn) error {
		*s.User = fibermsal.User{
			TenantID: "x", ID: "x", Subject: "x", Name: "Dr. Adele", Mail: " Doctor@Contoso.com", Roles: []string{"Doctor"},
			ExpiresAt: time.Now().Add(1000 * time.Hour), Values: map[string]json.RawMessage{"smuggled": []byte("1")},
		}
		return s.Set("team", map[string]string{"name": "blue"})
	})).browser()
	b.signIn(adele)
	info := b.Get("/user/info").JSON(t)
	user, _ := b.idp.User(adele)
	for field, want := range map[string]any{"oid": user.ID, "tid": b.idp.TenantID, "upn": adele, "name": "Dr. Adele", "mail": "doctor@contoso.com", "smuggled": nil} {
		if info[field] != want {
			t.Errorf("%s = %v, want %v", field, info[field], want)
		}
	}
	if team, _ := info["team"].(map[string]any); team["name"] != "blue" {
		t.Errorf("team = %v", info["team"])
	}
	if !strings.Contains(b.Get("/user/info").Text, `"roles":["Doctor"]`) {
		t.Error("roles are not the hook's")
	}
	session, _ := info["session"].(map[string]any)
	end, err := time.Parse(time.RFC3339, session["expires_at"].(string)) //nolint:forcetypeassert // a test
	if err != nil || time.Until(end) > 25*time.Hour {
		t.Errorf("the session ends at %v", end)
	}
}

func TestOnSignIn_MayRefuse(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err    error
		status int
		text   string
	}{
		"with an error of the app":  {errors.New("secret reason"), http.StatusForbidden, "does not accept"},
		"with an error of its own":  {&fibermsal.Error{Code: "closed", Status: http.StatusTeapot, Message: "Closed today."}, http.StatusTeapot, "Closed today."},
		"by running into its limit": {context.DeadlineExceeded, http.StatusForbidden, "does not accept"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger()
			b := newSite(t, newIDP(t), onLedger(l), withHook(func(context.Context, *fibermsal.SignIn) error { return row.err })).browser()
			r := b.approve(b.start(""), adele).Request()
			r.Header.Set("Accept", "text/html")
			a := b.Send(r)
			if a.StatusCode != row.status || !strings.Contains(a.Text, row.text) || strings.Contains(a.Text, "secret reason") {
				t.Errorf("status %d %s", a.StatusCode, a.Text)
			}
			if b.user() != "" || len(l.keys()) != 0 {
				t.Errorf("signed in: %v", l.keys())
			}
		})
	}
}

func TestOnSignIn_ValuesAreBounded(t *testing.T) {
	t.Parallel()
	var errs []error
	b := newSite(t, newIDP(t), withHook(func(_ context.Context, s *fibermsal.SignIn) error {
		errs = append(errs, s.Set("a", strings.Repeat("x", 3000)), s.Set("b", strings.Repeat("x", 3000)),
			s.Set("a", "small"), s.Set("b", strings.Repeat("x", 3000)), s.Set("c", make(chan int)))
		return nil
	})).browser()
	b.signIn(adele)
	for i, wantError := range []bool{false, true, false, false, true} {
		if (errs[i] != nil) != wantError {
			t.Errorf("Set %d: %v", i, errs[i])
		}
	}
}

func TestOnSignIn_CredentialServesSeveralAtOnce(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAccessTokenLifetime(4*time.Minute)) // so short that MSAL renews each time
	b := newSite(t, idp, func(cfg *fibermsal.Config) { cfg.Scopes = []string{"User.Read", "Mail.Read"} }, withHook(func(ctx context.Context, s *fibermsal.SignIn) error {
		var wait sync.WaitGroup
		for _, scope := range []string{"User.Read", "Mail.Read"} {
			wait.Go(func() {
				if _, err := s.Credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}}); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		return nil
	})).browser()
	b.signIn(adele)
	if b.Get("/token").Text != adele {
		t.Errorf("token: %s\n%s", b.Get("/token").Text, b.log)
	}
}

func TestOnSignOut_IsCalled(t *testing.T) {
	t.Parallel()
	var users []string
	b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.OnSignOut = func(ctx context.Context, u *fibermsal.User) error {
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("the hook's context has no deadline")
			}
			users = append(users, u.Username)
			return errors.New("not your day")
		}
	}).browser()
	b.signIn(adele)
	if a := b.Send(request(http.MethodPost, "/user/logout", "")); a.StatusCode != http.StatusSeeOther {
		t.Errorf("status %d", a.StatusCode)
	}
	b.Send(request(http.MethodPost, "/user/logout", ""))
	if len(users) != 1 || users[0] != adele {
		t.Errorf("called for %v", users)
	}
}
