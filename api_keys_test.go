package fibermsal_test

import (
	"crypto/rand"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

func TestAPI_RotatedKeysAreFetchedOnce(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		idp := newIDP(t, entratest.WithAPI(ownAPI(version)))
		s := newAPI(t, idp)
		old := idp.Issue(adele, apiScope)
		s.call("/api/me", old)
		idp.RotateKeys()
		idp.RemoveOldKeys()
		idp.ResetRequests()
		for _, raw := range []string{idp.Issue(adele, apiScope), idp.Issue(alex, apiScope), old} {
			if a := s.call("/api/me", raw); a.StatusCode != http.StatusOK {
				t.Errorf("version %d: %d %s", version, a.StatusCode, a.Text)
			}
		}
		if n, m := idp.Count(entratest.Keys), idp.Count(entratest.Discovery); n != 1 || m != 0 {
			t.Errorf("version %d: %d calls for keys, %d for metadata", version, n, m)
		}
	}
}

func TestAPI_TokensSignedByAKeyOfTheAppItself(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		idp := newIDP(t, entratest.WithAPI(ownAPI(version)))
		idp.UseAppSigningKey()
		s := newAPI(t, idp)
		if a := s.call("/api/me", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusOK {
			t.Errorf("version %d: %d %s\n%s", version, a.StatusCode, a.Text, s.log)
		}
		idp.UseAppSigningKey() // another one
		if a := s.call("/api/me", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusOK {
			t.Errorf("version %d, the next key: %d %s\n%s", version, a.StatusCode, a.Text, s.log)
		}
	}
}

// The keys of version 1 name the issuer of version 2, or none.
func TestAPI_KeysOfVersion1MayNameTheirIssuer(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(1)))
	idp.PublishForeignKey()
	resp, err := idp.HTTPClient.Get(idp.Authority + "/discovery/v2.0/keys")
	if err != nil {
		t.Fatal(err)
	}
	keys := browsertest.Read(t, resp).Text
	if !strings.Contains(keys, `"issuer":"`+idp.Authority) || !strings.Contains(keys, consumersTenant) {
		t.Fatal(keys)
	}
	idp.Fault(entratest.Keys, entratest.Fault{Body: keys})
	s := newAPI(t, idp)
	if a := s.call("/api/me", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusOK {
		t.Errorf("%d %s\n%s", a.StatusCode, a.Text, s.log)
	}
	idp.TamperAccessToken((*entratest.AccessToken).SignForeign)
	if a := s.call("/api/me", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("of personal accounts: %d", a.StatusCode)
	}
}

// Keys of version 1 usually contain no issuer. If a key belongs to another issuer according to version
// 2, this applies to version 1 as well (threat B5).
func TestAPI_KeysOfVersion1BelongToTheIssuerThatVersion2Names(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(1)))
	idp.PublishForeignKey()
	issuers := regexp.MustCompile(`,"issuer":"[^"]*"`)
	s := newAPI(t, idp, func(cfg *fibermsal.Config) {
		cfg.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			isVersion1 := strings.HasSuffix(r.URL.Path, "/discovery/keys")
			if isVersion1 { // with all keys of version 2, none of which names its issuer
				r = r.Clone(r.Context())
				r.URL.Path = strings.Replace(r.URL.Path, "/discovery/keys", "/discovery/v2.0/keys", 1)
			}
			resp, err := idp.HTTPClient.Transport.RoundTrip(r)
			if err != nil || !isVersion1 {
				return resp, err
			}
			keys := issuers.ReplaceAllString(browsertest.Read(t, resp).Text, "")
			if strings.Contains(keys, "issuer") || strings.Count(keys, `"kid"`) != 2 {
				t.Errorf("%s", keys)
			}
			resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(keys)), -1
			return resp, nil
		})}
	})
	if a := s.call("/api/me", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusOK {
		t.Errorf("%d %s\n%s", a.StatusCode, a.Text, s.log)
	}
	idp.TamperAccessToken((*entratest.AccessToken).SignForeign)
	if a := s.call("/api/me", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("the key of personal accounts: %d %s", a.StatusCode, a.Text)
	}
}

func TestAPI_AnOutageOfEntraIsNoFaultOfTheToken(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []entratest.Endpoint{entratest.Keys, entratest.Discovery} {
		for _, version := range []int{1, 2} {
			for name, fault := range map[string]entratest.Fault{"503": {Status: 503}, "no JSON": {Body: "<html>"}, "no answer": {Drop: true}} {
				synctest.Test(t, func(t *testing.T) {
					idp := newIDP(t, entratest.WithAPI(ownAPI(version)))
					s := newAPI(t, idp)
					raw := idp.Issue(adele, apiScope)
					idp.Fault(endpoint, fault)
					a := s.call("/api/me", raw)
					if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.Header.Get("WWW-Authenticate") != "" {
						t.Errorf("version %d, %s, %s: %d %s %v", version, endpoint, name, a.StatusCode, a.Text, a.Header)
					}
					idp.ClearFaults()
					time.Sleep(2 * time.Second)
					if a := s.call("/api/me", raw); a.StatusCode != http.StatusOK {
						t.Errorf("version %d, %s, %s: afterwards: %d %s", version, endpoint, name, a.StatusCode, a.Text)
					}
					idp.Fault(endpoint, fault)
					if a := s.call("/api/me", idp.Issue(alex, apiScope)); a.StatusCode != http.StatusOK {
						t.Errorf("version %d, %s, %s: with the keys: %d", version, endpoint, name, a.StatusCode)
					}
				})
			}
		}
	}
}

// Forged tokens cost an attacker nothing, so they must not cause calls (threat B2). A token whose other
// parts are wrong causes no call at all.
func TestAPI_ForgedTokensCauseNoFloodOfCalls(t *testing.T) {
	for _, version := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			idp := newIDP(t, entratest.WithAPI(ownAPI(version)))
			s := newAPI(t, idp)
			forge := func(change func(*entratest.AccessToken)) {
				idp.TamperAccessToken(changes(header("kid", rand.Text()), change))
				raw := idp.Issue(adele, apiScope)
				if a := s.call("/api/me", raw); a.StatusCode != http.StatusUnauthorized {
					t.Errorf("version %d: %d %s", version, a.StatusCode, a.Text)
				}
			}
			for range 20 {
				forge(claim("tid", otherTenant))
				forge(claim("aud", "other"))
				forge(claim("ver", "3.0"))
			}
			if n := idp.Count(entratest.Keys) + idp.Count(entratest.Discovery); n != 0 {
				t.Errorf("version %d: %d calls because of tokens that name another API or tenant", version, n)
			}
			for range 10 { // in ten seconds
				var wait sync.WaitGroup
				for range 10 {
					wait.Go(func() { forge(claim("x", rand.Text())) })
				}
				wait.Wait()
				time.Sleep(time.Second)
			}
			if n, m := idp.Count(entratest.Keys), idp.Count(entratest.Discovery); n > 2 || m > version%2+1 {
				t.Errorf("version %d: %d calls for keys, %d for metadata in 10 seconds", version, n, m)
			}
			idp.TamperAccessToken(nil)
			if a := s.call("/api/me", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusOK {
				t.Errorf("version %d: then an honest one: %d", version, a.StatusCode)
			}
		})
	}
}

// The signature of a cached token is not verified again, but the token is refused after it has expired.
func TestAPI_ARememberedTokenExpires(t *testing.T) {
	for _, version := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			idp := newIDP(t, entratest.WithAPI(ownAPI(version)), entratest.WithAccessTokenLifetime(10*time.Minute))
			s := newAPI(t, idp)
			raw := idp.Issue(adele, apiScope)
			var got []int
			for _, after := range []time.Duration{0, 9 * time.Minute, 5 * time.Minute, 59 * time.Second, 2 * time.Second, time.Hour} {
				time.Sleep(after)
				got = append(got, s.call("/api/me", raw).StatusCode)
			}
			if want := []int{200, 200, 200, 200, 401, 401}; !slices.Equal(got, want) { // clocks may differ by five minutes
				t.Errorf("version %d: %v, want %v", version, got, want)
			}
			if a := s.call("/api/me", raw); a.Header.Get("WWW-Authenticate") == "" || a.StatusCode != http.StatusUnauthorized {
				t.Errorf("version %d: %v", version, a.Header)
			}
		})
	}
}

func TestAPI_ATokenOfTheFutureBecomesValid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
		s := newAPI(t, idp)
		idp.TamperAccessToken(func(a *entratest.AccessToken) { a.Claims["nbf"] = time.Now().Add(10 * time.Minute).Unix() })
		raw := idp.Issue(adele, apiScope)
		if a := s.call("/api/me", raw); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("at once: %d", a.StatusCode)
		}
		time.Sleep(5 * time.Minute)
		if a := s.call("/api/me", raw); a.StatusCode != http.StatusOK {
			t.Errorf("then: %d %s", a.StatusCode, a.Text)
		}
	})
}
