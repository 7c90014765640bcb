package fibermsal_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestCredential_SecretsRotateWithoutARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp := newIDP(t, entratest.WithClientSecret("first-secret-of-the-app"), entratest.WithAccessTokenLifetime(time.Hour))
		s := newSite(t, idp, func(cfg *fibermsal.Config) {
			cfg.ClientSecret, cfg.PreviousSecrets = "second-secret-of-the-app", []string{"zeroth-secret-of-the-app", "first-secret-of-the-app"}
		})
		b := s.browser()
		b.signIn(adele) // by the third in the row
		if n := idp.Count(entratest.Token); n != 3 {
			t.Errorf("%d token calls", n)
		}
		renew := func(calls int) {
			t.Helper()
			time.Sleep(2 * time.Hour)
			idp.ResetRequests()
			if a := b.Get("/token"); a.Text != adele || idp.Count(entratest.Token) != calls {
				t.Errorf("%d %s, %d token calls, want %d", a.StatusCode, a.Text, idp.Count(entratest.Token), calls)
			}
		}
		renew(1) // the accepted one is remembered
		idp.SetClientSecret("second-secret-of-the-app")
		renew(2)
		renew(1)
		idp.SetClientSecret("a-secret-nobody-knows")
		time.Sleep(2 * time.Hour)
		idp.ResetRequests()
		if a := b.Get("/token"); a.StatusCode != http.StatusInternalServerError || idp.Count(entratest.Token) != 3 {
			t.Errorf("%d, %d token calls", a.StatusCode, idp.Count(entratest.Token))
		}
		if log := s.log.String(); !strings.Contains(log, "7000215") || strings.Contains(log, "secret-of-the-app") {
			t.Errorf("%s", log)
		}
	})
}

// keyPair is a certificate and its key, as in a PEM file.
type keyPair struct {
	certificate *x509.Certificate
	key         *rsa.PrivateKey
	pem         []byte
}

func newKeyPair(t *testing.T, serial int64) keyPair {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...)
	return keyPair{certificate, key, text}
}

func by(credential fibermsal.ClientCredential) func(*fibermsal.Config) {
	return func(cfg *fibermsal.Config) { cfg.ClientSecret, cfg.Credential = "", credential }
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Duration(len(content)) * time.Second) // file systems count time in steps
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
}

func TestCredential_CertificateFileIsReadAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	old, next := newKeyPair(t, 1), newKeyPair(t, 2)
	idp := newIDP(t, entratest.WithoutClientSecret(), entratest.WithCertificate(old.certificate), entratest.WithOneTimeAssertions())
	path := filepath.Join(t.TempDir(), "app.pem")
	write(t, path, old.pem)
	s := newSite(t, idp, by(fibermsal.CertificateFile(path)))
	s.browser().signIn(adele)

	write(t, path, []byte("half a file")) // being written
	s.browser().signIn(adele)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s.browser().signIn(adele)

	write(t, path, next.pem)
	b := s.browser()
	if a := b.Send(b.approve(b.start(""), adele).Request()); a.StatusCode != http.StatusInternalServerError || !strings.Contains(s.log.String(), "upload the certificate") {
		t.Errorf("a certificate that is not registered: %d\n%s", a.StatusCode, s.log)
	}
	idp.SetCertificates(next.certificate)
	s.browser().signIn(adele)
}

func TestCredential_CertificateFileMustHoldOne(t *testing.T) {
	t.Parallel()
	matching, other := newKeyPair(t, 1), newKeyPair(t, 2)
	certificate, _, _ := strings.Cut(string(matching.pem), "-----BEGIN PRIVATE KEY")
	_, key, _ := strings.Cut(string(other.pem), "-----BEGIN PRIVATE KEY")
	for name, content := range map[string]string{
		"no file": "", "no PEM": "x", "no key": certificate, "a key of another": certificate + "-----BEGIN PRIVATE KEY" + key,
	} {
		path := filepath.Join(t.TempDir(), "app.pem")
		if content != "" {
			write(t, path, []byte(content))
		}
		_, err := fibermsal.CertificateFile(path).Credential(t.Context())
		if err == nil || strings.Contains(err.Error(), "BEGIN") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// federated is an issuer of tokens that Entra trusts for the app.
type federated struct {
	key    *rsa.PrivateKey
	issuer string
}

func (f *federated) token(t *testing.T, subject, audience string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: f.key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: f.issuer, Subject: subject, Audience: jwt.Audience{audience},
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Hour)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

const (
	exchangeAudience = "api://AzureADTokenExchange"
	workload         = "system:serviceaccount:default:app"
)

func newFederated(t *testing.T) (*federated, *entratest.Server) {
	t.Helper()
	f := &federated{key: newKeyPair(t, 3).key, issuer: "https://kubernetes.example/"}
	return f, newIDP(t, entratest.WithoutClientSecret(), entratest.WithFederatedCredential(entratest.FederatedCredential{
		Issuer: f.issuer, Subject: workload, Audience: exchangeAudience, Keys: []*rsa.PublicKey{&f.key.PublicKey},
	}))
}

func TestCredential_WorkloadIdentityReadsItsFileEachTime(t *testing.T) {
	t.Parallel()
	f, idp := newFederated(t)
	path := filepath.Join(t.TempDir(), "token")
	s := newSite(t, idp, by(fibermsal.WorkloadIdentity(path)))
	status := func() int {
		b := s.browser()
		return b.Send(b.approve(b.start(""), adele).Request()).StatusCode
	}
	if got := status(); got != http.StatusServiceUnavailable {
		t.Errorf("no file: %d", got)
	}
	write(t, path, []byte(f.token(t, workload, exchangeAudience)+"\n"))
	if got := status(); got != http.StatusSeeOther {
		t.Errorf("the right token: %d\n%s", got, s.log)
	}
	for name, token := range map[string]string{
		"of another workload":  f.token(t, "system:serviceaccount:default:other", exchangeAudience),
		"for another audience": f.token(t, workload, "https://kubernetes.example"),
	} {
		write(t, path, []byte(token))
		if got := status(); got != http.StatusInternalServerError {
			t.Errorf("%s: %d", name, got)
		}
		if strings.Contains(s.log.String(), token) {
			t.Errorf("%s: the token is in the log", name)
		}
	}
	write(t, path, nil)
	if got := status(); got != http.StatusServiceUnavailable {
		t.Errorf("an empty file: %d", got)
	}
}

func TestCredential_WorkloadIdentityFindsTheFileOfThePlatform(t *testing.T) {
	f, idp := newFederated(t)
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, []byte(f.token(t, workload, exchangeAudience)))
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", path)
	newSite(t, idp, by(fibermsal.WorkloadIdentity(""))).browser().signIn(adele)
}

// An endpoint for managed identities as on App Service, which MSAL finds by two variables.
func TestCredential_ManagedIdentityIsAFederatedCredential(t *testing.T) {
	f, idp := newFederated(t)
	requested := ""
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requested = r.URL.Query().Get("resource") + " " + r.URL.Query().Get("client_id")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"` + f.token(t, workload, exchangeAudience) + `","expires_on":"4102444800","resource":"` + exchangeAudience + `","token_type":"Bearer"}`))
	}))
	t.Cleanup(endpoint.Close)
	t.Setenv("IDENTITY_ENDPOINT", endpoint.URL)
	t.Setenv("IDENTITY_HEADER", "header")
	newSite(t, idp, by(fibermsal.ManagedIdentity("00000000-0000-0000-0000-00000000000a", ""))).browser().signIn(adele)
	if requested != exchangeAudience+" 00000000-0000-0000-0000-00000000000a" {
		t.Errorf("asked for %q", requested)
	}
}

func TestCredential_AssertionOfTheAppsOwn(t *testing.T) {
	t.Parallel()
	f, idp := newFederated(t)
	calls := 0
	credential := confidential.NewCredFromAssertionCallback(func(context.Context, confidential.AssertionRequestOptions) (string, error) {
		calls++
		return f.token(t, workload, exchangeAudience), nil
	})
	s := newSite(t, idp, by(fibermsal.ClientCredentialFunc(func(context.Context) (confidential.Credential, error) { return credential, nil })))
	s.browser().signIn(adele)
	if calls != 1 {
		t.Errorf("asked %d times", calls)
	}
}
