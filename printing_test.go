package fibermsal_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

// verbs are all verbs of fmt, with the flags that change the output.
var verbs = func() (all []string) {
	for _, flag := range []string{"", "+", "#", " ", "0", "-10", "+#", "# "} {
		for _, verb := range "vTtbcdoOqxXUeEfFgGsp" {
			all = append(all, "%"+flag+string(verb))
		}
	}
	return all
}()

// inHiding contains a value in fields for which fmt does not call methods.
type inHiding struct {
	value   any
	pointer *any
	list    []any
	byName  map[string]any
}

// shown contains a value in places where fmt and slog call its methods.
func shown(value any) []any {
	return []any{value, &value, []any{value}, map[string]any{"x": value}, struct{ Value any }{value}}
}

// hidden contains a value in places where they do not.
func hidden(value any) []any {
	fields := inHiding{value, &value, []any{value}, map[string]any{"x": value}}
	return []any{fields, &fields, []any{fields}}
}

// printed returns the output of fmt and slog for values in all ways, except with some verbs.
func printed(values []any, except string) string {
	var text strings.Builder
	for _, v := range values {
		for _, verb := range verbs {
			if except == "" || !strings.HasSuffix(verb, except) {
				fmt.Fprintf(&text, verb+"\n", v)
			}
		}
		fmt.Fprintln(&text, v)
		marshalled, _ := json.Marshal(v)
		text.Write(marshalled)
		for _, handler := range []slog.Handler{slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&text, nil)} {
			slog.New(handler).With("with", v).Info("x", "value", v, slog.Group("group", "in", v))
		}
	}
	return text.String()
}

// spellings are those in which the verbs print a secret.
func spellings(secret string) []string {
	bytes := []byte(secret)
	return []string{
		secret, hex.EncodeToString(bytes), strings.ToUpper(hex.EncodeToString(bytes)),
		strings.Trim(fmt.Sprintf("%d", bytes), "[]"),
		strings.Trim(fmt.Sprintf("%#v", bytes), "[]byte{}"), strings.Trim(fmt.Sprintf("%o", bytes), "[]"),
		strings.Trim(fmt.Sprintf("%b", bytes), "[]"), strings.Trim(fmt.Sprintf("% x", bytes), "[]"), strings.Trim(fmt.Sprintf("%q", bytes), "[]"),
	}
}

func assertLacks(t *testing.T, name, text string, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		for _, spelling := range spellings(secret) {
			if i := strings.Index(text, spelling); i >= 0 {
				t.Errorf("%s: %q is shown: …%s…", name, spelling, text[max(0, i-200):min(len(text), i+len(spelling)+50)])
				break
			}
		}
	}
}

func TestF4_NoVerbShowsASecret(t *testing.T) {
	storage, err := fibermsal.RedisStorage("redis://user:redis-canary@127.0.0.1:1/0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = storage.Close() })
	// In a synctest bubble no other goroutine runs while fields are read.
	synctest.Test(t, func(t *testing.T) { testPrinting(t, storage) })
}

func testPrinting(t *testing.T, storage fiber.Storage) {
	t.Helper()
	const secret, previous, key = "client-secret-canary", "previous-secret-canary", "key-canary-key-canary-key-canary"
	idp := newIDP(t)
	idp.SetClientSecret(secret)
	var cfg fibermsal.Config
	s := newSite(t, idp, func(c *fibermsal.Config) {
		c.ClientSecret, c.PreviousSecrets, c.Keys = secret, []string{previous}, [][]byte{[]byte(key)}
		cfg = *c
	})
	seen := map[string]any{}
	s.app.Get("/credentials", fibermsal.Require(), func(c *fiber.Ctx) error {
		credential := fibermsal.TokenCredential(c)
		if _, err := credential.GetToken(c.UserContext(), tokenRequest()); err != nil {
			return err
		}
		user, _ := fibermsal.FromContext(c)
		seen["user"], seen["credential"] = user, credential
		seen["provider"] = fibermsal.AuthenticationProvider(c)
		seen["accessor"], _ = fibermsal.NewCacheAccessor(c)
		worker, err := s.auth.UserByID(c.UserContext(), user.TenantID, user.ID)
		seen["worker"], seen["worker's"] = worker, worker.TokenCredential()
		return err
	})
	b := s.browser()
	b.signIn(adele)
	if a := b.Get("/credentials"); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.Text)
	}
	app := s.auth.AppCredential()
	if _, err := app.GetToken(t.Context(), tokenRequest()); err != nil {
		t.Fatal(err)
	}
	secrets := append(idp.Secrets(), secret, previous, key, "redis-canary", b.session())
	seen["auth"], seen["*auth"] = s.auth, reflect.ValueOf(s.auth).Elem().Interface()
	seen["service"], seen["*service"] = s.auth.Service, reflect.ValueOf(s.auth.Service).Elem().Interface()
	seen["app"] = app
	seen["storage"] = storage
	seen["client credential"] = fibermsal.ClientCredentialFunc(func(context.Context) (confidential.Credential, error) {
		return confidential.NewCredFromSecret(secret)
	})
	if err := s.auth.Close(); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	for name, value := range seen {
		assertLacks(t, name, printed(append(shown(value), hidden(value)...), ""), secrets)
	}
	for name, value := range map[string]any{"config": cfg, "config's pointer": &cfg} { // see Config for the exceptions
		assertLacks(t, name, printed(shown(value), "p"), secrets)
	}
}
