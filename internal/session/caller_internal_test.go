package session

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fibermsal/fibermsal/internal/accesstoken"
	"github.com/fibermsal/fibermsal/internal/idtoken"
)

// tokens signs access tokens and verifies them.
type tokens struct {
	key      *rsa.PrivateKey
	verifier *accesstoken.Verifier
}

func newTokens(t *testing.T) *tokens {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := idtoken.NewKeySet(func(context.Context) ([]byte, error) {
		return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one", Use: "sig"}}})
	})
	return &tokens{key, &accesstoken.Verifier{
		ClientID: "client", Admits: func(string) bool { return true },
		Issuer: func(context.Context, string) (accesstoken.Issuer, error) {
			return accesstoken.Issuer{Name: "issuer", Keys: keys}, nil
		},
	}}
}

// claims returns the claims of a verified token with the given number of additional bytes.
func (k *tokens) claims(t *testing.T, n, more int) *accesstoken.Claims {
	t.Helper()
	now := time.Now().Unix()
	payload := fmt.Sprintf(`{"ver":"2.0","iss":"issuer","aud":"client","tid":"11111111-2222-3333-4444-555555555555","oid":"%036[1]d","sub":"%043[1]d","azp":"%036[1]d",
		"exp":%[2]d,"iat":%[3]d,"nbf":%[3]d,"scp":"access_as_user Orders.Read","roles":["Orders.Read.All"],"name":"Adele Vance","preferred_username":"AdeleV@contoso.com","x":"%[4]s"}`,
		n, now+3600, now, strings.Repeat("x", more))
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(`{"alg":"RS256","kid":"one"}`)) + "." + encode([]byte(payload))
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, k.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	claims, err := k.verifier.Verify(t.Context(), []byte(input+"."+encode(signature)))
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func callerNumber(n int) string { return CallerID(sha256.Sum256(fmt.Append(nil, n))) }

// Clients may send a new token with each call, so the cache is limited in bytes.
func TestG24_AFloodOfTokensPassesThroughABoundedCache(t *testing.T) {
	t.Parallel()
	k := newTokens(t)
	small, large := k.claims(t, 1, 0), k.claims(t, 2, 20<<10)
	const limit = 8 << 20
	c := NewCache(limit)
	for _, claims := range []*accesstoken.Claims{small, large} {
		number := 3 * limit / (callerOverhead + claims.Size())
		for i := range number {
			c.Keep(NewCaller(callerNumber(i)+claims.Subject, claims))
		}
		if s := c.Stats(); s.Bytes > limit || s.Entries > number/2 || c.Kept(callerNumber(0)+claims.Subject) != nil || c.Kept(callerNumber(number-1)+claims.Subject) == nil {
			t.Errorf("of %d bytes: %+v", claims.Size(), s)
		}
	}
	for range 100 {
		c.Keep(NewCaller("token:one", large))
	}
	before := c.Stats()
	if c.Drop("token:one"); c.Stats().Entries != before.Entries-1 || c.Kept("token:one") != nil {
		t.Errorf("%+v, then %+v", before, c.Stats())
	}
	c.Clear()
	if s := c.Stats(); s.Entries != 0 || s.Bytes != 0 {
		t.Errorf("afterwards: %+v", s)
	}
}

// Not parallel: the heap is measured.
func TestKeep_CountsAboutTheBytesThatACallerTakes(t *testing.T) {
	k := newTokens(t)
	for _, more := range []int{0, 2 << 10, 10 << 10} {
		heap := func() uint64 {
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		k.claims(t, 0, more) // fetches the keys
		const callers = 200
		c, before := NewCache(64<<20), heap()
		for i := range callers {
			c.Keep(NewCaller(callerNumber(i), k.claims(t, i, more)))
		}
		taken, counted := (heap()-before)/callers, uint64(c.Stats().Bytes/callers)
		t.Logf("%d bytes more in the token: a caller takes %d bytes, counted are %d", more, taken, counted)
		if taken > counted*3/2 || counted > taken*5/2 {
			t.Errorf("%d bytes more in the token: a caller takes %d bytes, counted are %d", more, taken, counted)
		}
		runtime.KeepAlive(c)
	}
}
