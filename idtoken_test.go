package fibermsal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

const (
	otherTenant     = "11111111-2222-3333-4444-555555555555"
	consumersTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

func s256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestB1_ForgedSignatures(t *testing.T) {
	t.Parallel()
	attackers, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, forge := range map[string]func(*entratest.IDToken){
		"alg none":         (*entratest.IDToken).Unsign,
		"changed bit":      (*entratest.IDToken).Corrupt,
		"foreign key":      func(token *entratest.IDToken) { token.SignRS256(attackers) },
		"ES256":            func(token *entratest.IDToken) { token.SignES256(curve) },
		"RS512":            (*entratest.IDToken).SignRS512,
		"HS256 with PEM":   func(token *entratest.IDToken) { token.SignHS256(pemOf(t, token.PublicKey)) },
		"HS256 with N":     func(token *entratest.IDToken) { token.SignHS256(token.PublicKey.N.Bytes()) },
		"jwk in the token": func(token *entratest.IDToken) { token.SignRS256(attackers); token.Header["jwk"] = jwkOf(attackers) },
		"jku in the token": func(token *entratest.IDToken) {
			token.SignRS256(attackers)
			token.Header["jku"] = "https://evil.example/keys"
		},
		"x5u in the token": func(token *entratest.IDToken) {
			token.SignRS256(attackers)
			token.Header["x5u"] = "https://evil.example/cert"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rejectTampered(t, http.StatusBadRequest, "id_token_signature", forge)
		})
	}
}

func pemOf(t *testing.T, key *rsa.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func jwkOf(key *rsa.PrivateKey) map[string]any {
	return map[string]any{"kty": "RSA", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes())}
}

func TestB1_NoIDTokenIsNoSignIn(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	b.idp.TamperIDToken(func(token *entratest.IDToken) { token.Omit = true })
	if a := b.do(b.approve(b.start(""), adele).Request()); a.StatusCode != http.StatusBadRequest || b.user() != "" {
		t.Errorf("status %d, user %q", a.StatusCode, b.user())
	}
}

func TestB2_RotatedKeysAreFetchedOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.browser().signIn(adele)
	s.idp.RotateKeys()
	s.idp.RemoveOldKeys()
	s.idp.ResetRequests()
	s.browser().signIn(adele)
	s.browser().signIn(alex)
	if n := s.idp.Count(entratest.Keys); n != 1 {
		t.Errorf("%d calls for keys after the rotation, want 1", n)
	}
	if n := s.idp.Count(entratest.Discovery); n != 0 {
		t.Errorf("%d discovery calls", n)
	}
}

func TestB2_UnknownKeyIDsDoNotFloodTheAuthority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Header["kid"] = rand.Text() })
		for range 10 { // in ten seconds
			var wait sync.WaitGroup
			for range repeats(1000) / 10 { // at once
				wait.Go(func() {
					b := s.browser()
					if a := b.do(b.approve(b.start(""), adele).Request()); a.StatusCode != http.StatusBadRequest {
						t.Errorf("status %d", a.StatusCode)
					}
				})
			}
			wait.Wait()
			time.Sleep(time.Second)
		}
		if !strings.Contains(s.log.String(), "id_token_signature") {
			t.Error("not for their signatures")
		}
		if n := s.idp.Count(entratest.Keys); n > 2 {
			t.Errorf("%d calls for keys in 10 seconds", n)
		}
		s.idp.TamperIDToken(nil)
		s.browser().signIn(adele)
	})
}

func TestB2_TokenWithoutKeyIDIsTriedWithThePublishedKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.idp.RotateKeys() // two keys are published now
	s.idp.TamperIDToken(func(token *entratest.IDToken) { delete(token.Header, "kid") })
	s.browser().signIn(adele)
}

func TestB2_OldKeysServeWhileNoneCanBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		s.browser().signIn(adele)
		time.Sleep(25 * time.Hour)
		s.idp.Fault(entratest.Keys, entratest.Fault{Status: 503})
		s.idp.Fault(entratest.Discovery, entratest.Fault{Drop: true})
		s.browser().signIn(adele)
		time.Sleep(25 * time.Hour) // too old now, for keys and for endpoints
		if a := s.browser().navigate("/user/login"); a.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("login: status %d", a.StatusCode)
		}
		s.idp.ClearFaults()
		time.Sleep(time.Minute)
		s.browser().signIn(adele)
	})
}

func TestB2_KeysDownAtTheFirstSignInIsA503(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	b.idp.Fault(entratest.Keys, entratest.Fault{Status: 500})
	a := b.do(b.approve(b.start(""), adele).Request())
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("status %d\n%s", a.StatusCode, b.log)
	}
}

func TestB3_AudienceMustBeThisApp(t *testing.T) {
	t.Parallel()
	client := newIDP(t).ClientID
	for name, row := range map[string]struct {
		aud, azp any
		accept   bool
	}{
		"another":                    {"other-client", nil, false},
		"missing":                    {nil, nil, false},
		"list without it":            {[]string{"a", "b"}, nil, false},
		"list of it without azp":     {[]string{client, "b"}, nil, false},
		"list of it with wrong azp":  {[]string{client, "b"}, "b", false},
		"it, but for another party":  {client, "other-client", false},
		"it, and it is the party":    {client, client, true},
		"prefix":                     {client + "0", nil, false},
		"empty list":                 {[]string{}, nil, false},
		"number":                     {7, nil, false},
		"list with a number":         {[]any{client, 7}, client, false},
		"upper case":                 {strings.ToUpper(client) + "X", nil, false},
		"list with it and right azp": {[]string{client, "b"}, client, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t)).browser()
			b.idp.TamperIDToken(func(token *entratest.IDToken) {
				token.Claims["aud"], token.Claims["azp"] = row.aud, row.azp
				for _, claim := range []string{"aud", "azp"} {
					if token.Claims[claim] == nil {
						delete(token.Claims, claim)
					}
				}
			})
			a := b.do(b.approve(b.start(""), adele).Request())
			if got := a.StatusCode == http.StatusSeeOther; got != row.accept {
				t.Errorf("accepted: %v, status %d\n%s", got, a.StatusCode, b.log)
			}
		})
	}
}

func TestB4_IssuerAndTenant(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		reason string
		tamper func(claims map[string]any)
	}{
		"another tenant":            {"tenant_not_allowed", func(c map[string]any) { moveTo(c, otherTenant) }},
		"personal accounts":         {"tenant_not_allowed", func(c map[string]any) { moveTo(c, consumersTenant) }},
		"issuer of one, tid of two": {"tenant_not_allowed", func(c map[string]any) { c["tid"] = otherTenant }},
		"tid of one, issuer of two": {"id_token_issuer", func(c map[string]any) { tid := c["tid"]; moveTo(c, otherTenant); c["tid"] = tid }},
		"version 1 issuer":          {"id_token_issuer", func(c map[string]any) { c["iss"] = "https://sts.windows.net/" + str(c["tid"]) + "/" }},
		"one more slash":            {"id_token_issuer", func(c map[string]any) { c["iss"] = str(c["iss"]) + "/" }},
		"upper case":                {"id_token_issuer", func(c map[string]any) { c["iss"] = strings.ToUpper(str(c["iss"])) }},
		"no issuer":                 {"id_token_issuer", func(c map[string]any) { delete(c, "iss") }},
		"another host":              {"id_token_issuer", func(c map[string]any) { c["iss"] = "https://evil.example/" + str(c["tid"]) + "/v2.0" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rejectTampered(t, http.StatusForbidden, row.reason, func(token *entratest.IDToken) { row.tamper(token.Claims) })
		})
	}
}

func moveTo(claims map[string]any, tenant string) {
	claims["iss"] = strings.ReplaceAll(str(claims["iss"]), str(claims["tid"]), tenant)
	claims["tid"] = tenant
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

func TestB4_ManyTenantsOnlyByList(t *testing.T) {
	t.Parallel()
	bob := entratest.User{ID: "22222222-0000-0000-0000-000000000001", UPN: "bob@fabrikam.example", DisplayName: "Bob", Mail: "bob@fabrikam.example"}
	for name, row := range map[string]struct {
		allowed []string
		accept  bool
	}{
		"listed":     {[]string{otherTenant}, true},
		"not listed": {[]string{"33333333-2222-3333-4444-555555555555"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, entratest.WithExtraTenant(otherTenant, bob))
			b := newSite(t, idp, func(cfg *fibermsal.Config) {
				cfg.Authority = strings.Replace(idp.Authority, idp.TenantID, "organizations", 1)
				cfg.AllowedTenants = row.allowed
			}).browser()
			a := b.do(b.approve(b.start(""), bob.UPN).Request())
			if got := a.StatusCode == http.StatusSeeOther; got != row.accept {
				t.Fatalf("accepted: %v, status %d\n%s", got, a.StatusCode, b.log)
			}
			if row.accept && (b.user() != bob.UPN || b.get("/user/info").json(t)["tid"] != otherTenant) {
				t.Errorf("info: %s", b.get("/user/info").body)
			}
			if row.accept && b.get("/token").body != bob.UPN {
				t.Errorf("token: %s\n%s", b.get("/token").body, b.log)
			}
		})
	}
}

func TestB5_KeyOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	for name, withoutID := range map[string]bool{"by its id": false, "without an id": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t)).browser()
			b.idp.PublishForeignKey()
			b.idp.TamperIDToken(func(token *entratest.IDToken) {
				token.SignForeign()
				if withoutID {
					delete(token.Header, "kid")
				}
			})
			b.assertRejected(b.do(b.approve(b.start(""), adele).Request()), http.StatusBadRequest, "id_token_signature")
		})
	}
}

func TestB6_Times(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		claim  string
		value  any    // a duration is one from now
		reason string // "" for acceptance
	}{
		"expires in a second":   {"exp", time.Second, ""},
		"expired 4 minutes ago": {"exp", -4 * time.Minute, ""},
		"expired 6 minutes ago": {"exp", -6 * time.Minute, "id_token_time"},
		"valid in 4 minutes":    {"nbf", 4 * time.Minute, ""},
		"valid in 6 minutes":    {"nbf", 6 * time.Minute, "id_token_time"},
		"issued in 6 minutes":   {"iat", 6 * time.Minute, "id_token_time"},
		"no exp":                {"exp", nil, "id_token_claims"},
		"no iat":                {"iat", nil, "id_token_claims"},
		"no nbf":                {"nbf", nil, ""},
		"exp as text":           {"exp", "9999999999", "id_token_malformed"},
		"exp 1e300":             {"exp", json.RawMessage("1e300"), "id_token_time"},
		"exp beyond numbers":    {"exp", json.RawMessage("1e999"), "id_token_malformed"},
		"exp negative":          {"exp", -1, "id_token_time"},
		"exp null":              {"exp", json.RawMessage("null"), "id_token_claims"},
		"nbf in the year 5138":  {"nbf", json.RawMessage("100000000000"), "id_token_time"},
		"no sub":                {"sub", nil, "id_token_claims"},
		"no oid":                {"oid", nil, "id_token_claims"},
		"no tid":                {"tid", nil, "id_token_claims"},
		"sub empty":             {"sub", "", "id_token_claims"},
		"oid a list":            {"oid", []string{"x"}, "id_token_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tamper := func(token *entratest.IDToken) {
				token.Claims[row.claim] = row.value
				if after, ok := row.value.(time.Duration); ok { // parallel tests wait for their turn
					token.Claims[row.claim] = time.Now().Add(after).Unix()
				}
				if row.value == nil {
					delete(token.Claims, row.claim)
				}
			}
			if row.reason != "" {
				rejectTampered(t, http.StatusBadRequest, row.reason, tamper)
				return
			}
			b := newSite(t, newIDP(t)).browser()
			b.idp.TamperIDToken(tamper)
			b.signIn(adele)
		})
	}
}

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
			a := b.do(b.approve(b.start(""), adele).Request())
			if a.StatusCode == http.StatusSeeOther || a.cookie(sessionCookie) != nil || b.user() != "" {
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
	if info := b.get("/user/info").json(t); info["oid"] != guest.ID || info["tid"] != idp.TenantID {
		t.Errorf("info: %v", info)
	}
	if b.get("/token").body != guest.UPN {
		t.Errorf("token: %s", b.get("/token").body)
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
				a := b.get("/token")
				if a.StatusCode != http.StatusUnauthorized || strings.Contains(a.body, "@") {
					t.Errorf("status %d %s", a.StatusCode, a.body)
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
	first, second := one.get("/user/info").json(t), two.get("/user/info").json(t)
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
	if info := again.get("/user/info").json(t); info["oid"] != first["oid"] || info["mail"] != "ceo@contoso.com" {
		t.Errorf("info: %v", info)
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
			if got := b.get("/user/info").json(t)["mail"]; got != want {
				t.Errorf("mail = %q, want %q", got, want)
			}
		})
	}
}
