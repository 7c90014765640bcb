package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"
)

var userRead = []string{"User.Read"}

// partitions stores MSAL's serialized cache under a fixed key, or, without one, under the key that MSAL
// suggests, as its documentation recommends for many users.
type partitions struct {
	storage fiber.Storage
	key     string
	// keeps lets MSAL keep its cache if there is nothing to load, which is an easy mistake.
	keeps bool
}

func (p *partitions) name(hint string) string {
	if p.key != "" {
		hint = p.key
	}
	return "msal:" + hint
}

// Replace implements cache.ExportReplace.
func (p *partitions) Replace(_ context.Context, into cache.Unmarshaler, hints cache.ReplaceHints) error {
	content, err := p.storage.Get(p.name(hints.PartitionKey))
	if err != nil {
		return err
	}
	if content == nil {
		if p.keeps {
			return nil
		}
		content = []byte("{}")
	}
	return into.Unmarshal(content)
}

// Export implements cache.ExportReplace.
func (p *partitions) Export(_ context.Context, from cache.Marshaler, hints cache.ExportHints) error {
	content, err := from.Marshal()
	if err != nil {
		return err
	}
	return p.storage.Set(p.name(hints.PartitionKey), content, 0)
}

func newMSALClient(idp *entra, accessor cache.ExportReplace) (confidential.Client, error) {
	secret, err := confidential.NewCredFromSecret(idp.ClientSecret)
	if err != nil {
		return confidential.Client{}, err
	}
	return confidential.New(idp.Authority, idp.ClientID, secret, confidential.WithCache(accessor),
		confidential.WithHTTPClient(idp.HTTPClient), confidential.WithInstanceDiscovery(false))
}

// redeem signs a user in with a client, and returns the account.
func redeem(tb testing.TB, idp *entra, client confidential.Client, user string) confidential.Account {
	tb.Helper()
	const redirectURI = publicURL + gothAnswer
	authorize, err := client.AuthCodeURL(tb.Context(), idp.ClientID, redirectURI, append([]string{"openid", "profile", "offline_access"}, userRead...))
	if err != nil {
		tb.Fatal(err)
	}
	answer, err := idp.SignIn(authorize, user)
	if err != nil {
		tb.Fatal(err)
	}
	result, err := client.AcquireTokenByAuthCode(tb.Context(), answer.Values.Get("code"), redirectURI, userRead)
	if err != nil {
		tb.Fatal(err)
	}
	return result.Account
}

// newMSAL returns an app that does the work of fibermsal with MSAL only. It creates a client with the
// user's tokens for each request. Finding out the user costs it nothing.
func newMSAL(tb testing.TB, idp *entra, storage fiber.Storage) *site {
	tb.Helper()
	if storage == nil {
		storage = session.New().Storage
	}
	accounts := make(map[string]confidential.Account)
	s := &site{app: fiber.New()}
	for i, u := range idp.Users() {
		id := sessionID(i)
		client, err := newMSALClient(idp, &partitions{storage: storage, key: id})
		if err != nil {
			tb.Fatal(err)
		}
		accounts[id] = redeem(tb, idp, client, u.UPN)
		s.visitors = append(s.visitors, visitor{cookies: "id=" + id})
	}
	s.app.Get("/", func(c *fiber.Ctx) error {
		id := c.Cookies("id")
		client, err := newMSALClient(idp, &partitions{storage: storage, key: id})
		if err != nil {
			return err
		}
		result, err := client.AcquireTokenSilent(c.UserContext(), userRead, confidential.WithSilentAccount(accounts[id]))
		if err != nil {
			return err
		}
		return c.SendString(tokenEnd(result.AccessToken))
	})
	return s
}

// sharedMSAL is an app with one MSAL client for all users. It counts errors.
type sharedMSAL struct {
	site
	failures, strangers atomic.Int64
}

func newSharedMSAL(tb testing.TB, idp *entra, accessor *partitions) *sharedMSAL {
	tb.Helper()
	client, err := newMSALClient(idp, accessor)
	if err != nil {
		tb.Fatal(err)
	}
	accounts := make(map[string]confidential.Account)
	s := &sharedMSAL{site: site{app: fiber.New()}}
	for i, u := range idp.Users() {
		accounts[sessionID(i)] = redeem(tb, idp, client, u.UPN)
		s.visitors = append(s.visitors, visitor{cookies: "id=" + sessionID(i), want: u.UPN})
	}
	s.app.Get("/", func(c *fiber.Ctx) error {
		account := accounts[c.Cookies("id")]
		result, err := client.AcquireTokenSilent(c.UserContext(), userRead, confidential.WithSilentAccount(account))
		if err != nil {
			s.failures.Add(1)
			return err
		}
		owner, _ := idp.TokenUser(result.AccessToken)
		if owner != account.PreferredUsername {
			s.strangers.Add(1)
		}
		return c.SendString(owner)
	})
	return s
}

func sessionID(i int) string { return fmt.Sprintf("%043d", i) }

// BenchmarkSharedMSALClient measures the cost of a single MSAL client for all users, and shows that it
// works for one user at a time only, because it loads one user's tokens over another's between the
// check and the read (docs/traps.md, M1). Failures are failed requests for a valid stored token.
// Strangers are tokens of another user. Mixed records contain tokens of several users, which happens if
// an accessor keeps MSAL's cache when there is nothing to load (M2).
func BenchmarkSharedMSALClient(b *testing.B) {
	for _, goroutines := range concurrency {
		b.Run(fmt.Sprintf("app=msal/client=shared/miss=empty/goroutines=%d", goroutines), func(b *testing.B) {
			shareClient(b, goroutines, false)
		})
	}
	b.Run("app=msal/client=shared/miss=kept/goroutines=1", func(b *testing.B) { shareClient(b, 1, true) })
}

func shareClient(b *testing.B, goroutines int, keeps bool) {
	b.Helper()
	idp, storage := newEntra(b), session.New().Storage
	s := newSharedMSAL(b, idp, &partitions{storage: storage, keeps: keeps})
	s.confirm(b)
	s.load(b, goroutines)
	b.ReportMetric(float64(s.failures.Load())/float64(b.N), "failures/op")
	b.ReportMetric(float64(s.strangers.Load())/float64(b.N), "strangers/op")
	b.ReportMetric(mixedRecords(b, idp, storage), "mixed-records")
}

// mixedRecords returns the number of records with tokens of more than one user.
func mixedRecords(b *testing.B, idp *entra, storage fiber.Storage) (mixed float64) {
	b.Helper()
	for _, u := range idp.Users() {
		content, err := storage.Get("msal:" + u.ID + "." + idp.TenantID)
		if err != nil || content == nil {
			b.Fatalf("%s has no record: %v", u.UPN, err)
		}
		var held struct{ Account map[string]any }
		if err := json.Unmarshal(content, &held); err != nil {
			b.Fatal(err)
		}
		if len(held.Account) > 1 {
			mixed++
		}
	}
	return mixed
}
