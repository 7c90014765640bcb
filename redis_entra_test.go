package fibermsal_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// The app signs in to Redis as itself, with the credential that it has for Entra.
func TestConfigFromEnv_RedisWithTokensOfTheApp(t *testing.T) {
	const oid = "00000000-0000-0000-0000-00000000000a"
	certs := newCertificates(t)
	server, address := secured(t, certs, "no")
	idp := newRegistration(t, entratest.WithScopes("https://redis.azure.com/user_impersonation"))
	if err := idp.Listen(entratest.ListenConfig{}); err != nil {
		t.Fatal(err)
	}
	ca := file(t, string(idp.CAPEM())+contentOf(t, certs.authority))
	cfg, err := withEnv(t, map[string]string{
		"CLIENT_ID": idp.ClientID, "CLIENT_SECRET": "wrong", "PREVIOUS_SECRETS": idp.ClientSecret, "AUTHORITY": idp.Authority,
		"CA_FILE": ca, "REDIS_URL": address, "REDIS_ENTRA_USER": oid,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, idp, func(c *fibermsal.Config) { c.Storage, c.Keys = cfg.Storage, [][]byte{testKey(1)} })
	b := s.browser()
	if a := b.Send(b.approve(b.start(""), adele).Request()); a.StatusCode != http.StatusServiceUnavailable { // Redis knows no such user
		t.Fatalf("status %d\n%s", a.StatusCode, s.log)
	}
	for _, secret := range idp.Secrets() {
		_ = server.Client().ACLSetUser(t.Context(), oid, "on", "allkeys", "+@all", ">"+secret).Err()
	}
	b.signIn(adele)
	if b.user() != adele {
		t.Error("not signed in")
	}
}

// The log is where an operator finds out why there is no token, and what to do.
func TestConfigFromEnv_RedisTokenRefusalNamesTheReason(t *testing.T) {
	certs := newCertificates(t)
	_, address := secured(t, certs, "no")
	idp := newRegistration(t)
	if err := idp.Listen(entratest.ListenConfig{}); err != nil {
		t.Fatal(err)
	}
	cfg, err := withEnv(t, map[string]string{
		"CLIENT_ID": idp.ClientID, "CLIENT_SECRET": "wrong", "AUTHORITY": idp.Authority,
		"CA_FILE": file(t, string(idp.CAPEM())+contentOf(t, certs.authority)), "REDIS_URL": address,
		"REDIS_ENTRA_USER": "00000000-0000-0000-0000-00000000000a",
	})
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, idp, func(c *fibermsal.Config) { c.Storage, c.Keys = cfg.Storage, [][]byte{testKey(1)} })
	b := s.browser()
	b.Send(b.approve(b.start(""), adele).Request())
	for _, part := range []string{"no Entra ID token for Redis: misconfigured: client_refused", "7000215", "copy its Value"} {
		if !strings.Contains(s.log.String(), part) {
			t.Errorf("%q is missing:\n%s", part, s.log)
		}
	}
}

// passwords is a credential whose tokens are numbered.
type passwords struct {
	issued atomic.Int64
	fail   atomic.Bool
}

func (p *passwords) GetToken(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if p.fail.Load() || len(options.Scopes) != 1 || options.Scopes[0] != "https://redis.azure.com/.default" {
		return azcore.AccessToken{}, errors.New("no token")
	}
	return azcore.AccessToken{Token: "token-" + strconv.FormatInt(p.issued.Add(1), 10), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestRedisEntraID_OneTokenOpensAllConnections(t *testing.T) {
	t.Parallel()
	const oid = "00000000-0000-0000-0000-00000000000a"
	certs := newCertificates(t)
	server, address := secured(t, certs, "no")
	if err := server.Client().ACLSetUser(t.Context(), oid, "on", "allkeys", "+@all", ">token-1").Err(); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(contentOf(t, certs.authority)))
	credential := &passwords{}
	storage, err := fibermsal.RedisStorage(address,
		fibermsal.RedisTLS(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}), fibermsal.RedisEntraID(oid, credential))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = storage.Close() })
	for range 5 {
		if err := storage.Set("key", []byte("value"), time.Minute); err != nil {
			t.Fatal(err)
		}
		credential.fail.Store(true) // Entra is not needed any more
		if err := server.Client().ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes").Err(); err != nil {
			t.Fatal(err)
		}
	}
	if n := credential.issued.Load(); n != 1 {
		t.Errorf("%d tokens", n)
	}
	who, err := server.Client().Do(t.Context(), "ACL", "WHOAMI").Text()
	if err != nil || who != "default" {
		t.Errorf("%v, %v", who, err)
	}
}
