package fibermsal_test

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestB7_AccountOfTheTokensMustBeTheVerifiedUser(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	other, _ := idp.User(alex)
	forOther := base64.RawURLEncoding.EncodeToString([]byte(`{"uid":"` + other.ID + `","utid":"` + idp.TenantID + `"}`))
	abroad := base64.RawURLEncoding.EncodeToString([]byte(`{"uid":"` + other.ID + `","utid":"` + otherTenant + `"}`))
	for name, value := range map[string]any{
		"another user's":       forOther,
		"of another tenant":    abroad,
		"missing":              nil,
		"not base64":           "!!!",
		"not JSON":             "bm90IGpzb24",
		"without the tenant":   base64.RawURLEncoding.EncodeToString([]byte(`{"uid":"` + other.ID + `"}`)),
		"empty":                "",
		"with empty object id": base64.RawURLEncoding.EncodeToString([]byte(`{"uid":"","utid":"x"}`)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t)).browser()
			b.idp.TamperTokenResponse(func(_ string, body map[string]any) {
				body["client_info"] = value
				if value == nil {
					delete(body, "client_info")
				}
			})
			a := b.Send(b.approve(b.start(""), adele).Request())
			if a.StatusCode == http.StatusSeeOther || a.Cookie(sessionCookie) != nil || b.user() != "" {
				t.Errorf("status %d, user %q", a.StatusCode, b.user())
			}
		})
	}
}

func TestB7_GuestsAreAcceptedByTheirHome(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	var guest entratest.User
	for _, u := range idp.Users() {
		if u.HomeTenantID != "" {
			guest = u
		}
	}
	if guest.ID == "" {
		t.Fatal("the emulator has no guest")
	}
	b := newSite(t, idp).browser()
	b.signIn(guest.UPN)
	if info := b.Get("/user/info").JSON(t); info["oid"] != guest.ID || info["tid"] != idp.TenantID {
		t.Errorf("info: %v", info)
	}
	if b.Get("/token").Text != guest.UPN {
		t.Errorf("token: %s", b.Get("/token").Text)
	}
}

func TestB8_RefreshForAnotherUserEndsTheSession(t *testing.T) {
	for name, tamper := range map[string]func(*entratest.Server, entratest.User){
		"object id": func(idp *entratest.Server, other entratest.User) {
			onRefresh(idp, func(token *entratest.IDToken) { token.Claims["oid"] = other.ID })
		},
		"subject": func(idp *entratest.Server, _ entratest.User) {
			onRefresh(idp, func(token *entratest.IDToken) { token.Claims["sub"] = "somebody-else" })
		},
		"issuer": func(idp *entratest.Server, _ entratest.User) {
			onRefresh(idp, func(token *entratest.IDToken) { moveTo(token.Claims, otherTenant) })
		},
		"signature": func(idp *entratest.Server, _ entratest.User) { onRefresh(idp, (*entratest.IDToken).Corrupt) },
		"client_info": func(idp *entratest.Server, other entratest.User) {
			idp.TamperTokenResponse(func(grant string, body map[string]any) {
				if grant == "refresh_token" {
					body["client_info"] = base64.RawURLEncoding.EncodeToString([]byte(`{"uid":"` + other.ID + `","utid":"` + idp.TenantID + `"}`))
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLedger()
				b := newSite(t, newIDP(t), onLedger(l)).browser()
				b.signIn(adele)
				other, _ := b.idp.User(alex)
				tamper(b.idp, other)
				time.Sleep(2 * time.Hour)
				a := b.Get("/token")
				if a.StatusCode != http.StatusUnauthorized || strings.Contains(a.Text, "@") {
					t.Errorf("status %d %s", a.StatusCode, a.Text)
				}
				if b.user() != "" || len(l.keys()) != 0 {
					t.Errorf("the session lives on: %v", l.keys())
				}
				if !strings.Contains(b.log.String(), "another user's tokens") {
					t.Errorf("not logged:\n%s", b.log)
				}
			})
		})
	}
}

func onRefresh(idp *entratest.Server, tamper func(*entratest.IDToken)) {
	idp.TamperIDToken(func(token *entratest.IDToken) {
		if token.Grant == "refresh_token" {
			tamper(token)
		}
	})
}

func TestB9_SameMailIsNotTheSameUser(t *testing.T) {
	t.Parallel()
	twin := entratest.User{ID: "22222222-0000-0000-0000-000000000001", UPN: "adele@fabrikam.example", DisplayName: "Adele", Mail: adele}
	idp := newIDP(t, entratest.WithExtraTenant(otherTenant, twin))
	s := newSite(t, idp, func(cfg *fibermsal.Config) {
		cfg.Authority = strings.Replace(idp.Authority, idp.TenantID, "organizations", 1)
		cfg.AllowedTenants = []string{idp.TenantID, otherTenant}
	})
	idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["email"] = token.User.Mail }) // the optional claim
	one, two := s.browser(), s.browser()
	one.signIn(adele)
	two.signIn(twin.UPN)
	first, second := one.Get("/user/info").JSON(t), two.Get("/user/info").JSON(t)
	if first["mail"] != strings.ToLower(adele) || first["mail"] != second["mail"] {
		t.Fatalf("the mails differ: %v, %v", first["mail"], second["mail"])
	}
	if first["oid"] == second["oid"] || first["tid"] == second["tid"] {
		t.Error("two people are one")
	}

	// The same person with another mail stays the same person.
	idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["email"] = "ceo@contoso.com" })
	again := s.browser()
	again.signIn(adele)
	if info := again.Get("/user/info").JSON(t); info["oid"] != first["oid"] || info["mail"] != "ceo@contoso.com" {
		t.Errorf("info: %v", info)
	}
}

func TestUser_UpperCaseGUIDsAreTheSameUser(t *testing.T) {
	s := newSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	tenant, id := userOf(t, b)
	ended, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{TenantID: strings.ToUpper(tenant), UserID: strings.ToUpper(id)})
	if b.user() != "" {
		t.Errorf("%d ended, %v, and Adele is signed in", ended, err)
	}
}

func TestB10_OddMailsAreRefusedNotRepaired(t *testing.T) {
	t.Parallel()
	for claim, want := range map[string]string{
		"adele@contoso.com":                  "adele@contoso.com",
		"  Adele@Contoso.COM ":               "adele@contoso.com",
		"a.b+c@x.co.uk":                      "a.b+c@x.co.uk",
		"ade\uff4ce@contoso.com":             "",
		"adele\uff20contoso.com":             "",
		"attacker@evil.com@contoso.com":      "",
		"\"a@b\"@contoso.com":                "",
		"adele@contoso.com\x00":              "",
		"adele@contoso.com\nBcc: x@evil.com": "",
		"adele@con\u212aoso.com":             "",
		"@contoso.com":                       "",
		"adele@":                             "",
		"adele":                              "",
		"adele@.contoso.com":                 "",
		"adele@contoso..com":                 "",
		".adele@contoso.com":                 "",
		"adele@contoso.com.":                 "",
		"adele @contoso.com":                 "",
		"adele@contoso.com,ceo@contoso.com":  "",
		"adele@contoso.com;ceo@contoso.com":  "",
		"<adele@contoso.com>":                "",
		"Adele <adele@contoso.com>":          "",
		strings.Repeat("a", 250) + "@x.com":  "",
		"adele@con_toso.com":                 "",
		"adele@[127.0.0.1]":                  "",
		"adele(comment)@contoso.com":         "",
		"adele@contoso.com\u200b":            "",
		"\u0430dele@contoso.com":             "",
		"adele@xn--80ak6aa92e.com":           "adele@xn--80ak6aa92e.com",
		"o'hara@contoso.com":                 "o'hara@contoso.com",
		"adele\t@contoso.com":                "",
		"adele@contoso.com\r":                "",
	} {
		t.Run(strconv.Quote(claim), func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t)).browser()
			b.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["email"] = claim })
			b.signIn(adele)
			if got := b.Get("/user/info").JSON(t)["mail"]; got != want {
				t.Errorf("mail = %q, want %q", got, want)
			}
		})
	}
}
