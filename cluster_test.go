package fibermsal_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// vault opens the records of an app, as somebody with its keys can.
type vault struct {
	t     *testing.T
	store *record.Store
	name  string
}

func (b *browser) vault(server *redistest.Server) *vault {
	b.t.Helper()
	ring, err := sealed.NewRing([][]byte{testKey(1)}, "records")
	if err != nil {
		b.t.Fatal(err)
	}
	name, ok := record.Name(b.session())
	if !ok {
		b.t.Fatal("nobody is signed in")
	}
	return &vault{b.t, record.NewStore(record.NewRedis(server.Client(), nil), ring, b.idp.ClientID), name}
}

// accessTokens are the token entries of MSAL's cache.
func (v *vault) accessTokens() map[string]map[string]any {
	v.t.Helper()
	content, err := v.store.Get(v.t.Context(), v.name, record.Tokens)
	if err != nil {
		v.t.Fatal(err)
	}
	var cache struct{ AccessToken map[string]map[string]any }
	if err := json.Unmarshal(content, &cache); err != nil {
		v.t.Fatal(err)
	}
	return cache.AccessToken
}

// expire moves the end of all access tokens into the past: a real Redis does not live
// in virtual time.
func (v *vault) expire() {
	v.t.Helper()
	ctx := v.t.Context()
	content, err := v.store.Get(ctx, v.name, record.Tokens)
	if err != nil {
		v.t.Fatal(err)
	}
	var cache map[string]map[string]map[string]any
	if err := json.Unmarshal(content, &cache); err != nil {
		v.t.Fatal(err)
	}
	for entry := range maps.Values(cache["AccessToken"]) {
		entry["expires_on"] = strconv.FormatInt(time.Now().Add(-time.Minute).Unix(), 10)
		entry["cached_at"] = strconv.FormatInt(time.Now().Add(-time.Hour).Unix(), 10)
	}
	if content, err = json.Marshal(cache); err != nil {
		v.t.Fatal(err)
	}
	if err := v.store.Update(ctx, v.name, record.Tokens, content, time.Hour); err != nil {
		v.t.Fatal(err)
	}
}

func TestG11_TwoInstancesRenewAnExpiredTokenOnce(t *testing.T) {
	t.Parallel()
	for name, delay := range map[string]time.Duration{"fast Entra": 0, "slow Entra": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, idp := redistest.Start(t), newIDP(t, entratest.WithOneTimeRefreshTokens())
			sites := []*site{newSite(t, idp, onRedis(t, server)), newSite(t, idp, onRedis(t, server))}
			b := sites[0].browser()
			b.signIn(adele)
			b.vault(server).expire()
			idp.ResetRequests()
			idp.Fault(entratest.Token, entratest.Fault{Delay: delay})
			var wait sync.WaitGroup
			var good atomic.Int32
			for i := range 100 {
				r := request(http.MethodGet, "/token", "")
				r.AddCookie(b.jar[sessionCookie])
				wait.Go(func() {
					if a := sites[i%2].send(r); a.body == adele {
						good.Add(1)
					}
				})
			}
			wait.Wait()
			if good.Load() != 100 || idp.Count(entratest.Token) != 1 {
				t.Errorf("%d of 100 successes, %d token calls\n%s", good.Load(), idp.Count(entratest.Token), sites[0].log)
			}
		})
	}
}

func TestD9_ConcurrentRenewalsForManyScopesLoseNothing(t *testing.T) {
	t.Parallel()
	scopes := []string{"User.Read", "Mail.Read", "Calendars.Read", "Files.Read", "Contacts.Read", "People.Read", "Tasks.Read", "Notes.Read", "Chat.Read", "Presence.Read"}
	server, idp := redistest.Start(t), newIDP(t, entratest.WithOneTimeRefreshTokens())
	newOne := func() *site {
		s := newSite(t, idp, onRedis(t, server), func(cfg *fibermsal.Config) { cfg.Scopes = scopes })
		s.app.Get("/token/:scope", func(c *fiber.Ctx) error {
			scope := scopes[0]
			if i, err := c.ParamsInt("scope"); err == nil {
				scope = scopes[i]
			}
			token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Scopes: []string{scope}})
			if err != nil {
				return err
			}
			owner, _ := idp.TokenUser(token.Token)
			return c.SendString(owner)
		})
		return s
	}
	sites := []*site{newOne(), newOne()}
	b := sites[0].browser()
	b.signIn(adele)
	vault := b.vault(server)
	vault.expire()
	// Each answer covers one scope only, so that each needs a renewal of its own.
	idp.TamperTokenResponse(func(_ string, body map[string]any) { body["scope"] = "openid profile " + wanted(idp) })
	var wait sync.WaitGroup
	for i := range 2 * len(scopes) {
		r := request(http.MethodGet, "/token/"+strconv.Itoa(i/2), "")
		r.AddCookie(b.jar[sessionCookie])
		wait.Go(func() {
			if a := sites[i%2].send(r); a.body != adele {
				t.Errorf("%s: %d %s\n%s", scopes[i/2], a.StatusCode, a.body, sites[i%2].log)
			}
		})
	}
	wait.Wait()
	var targets []string
	for _, entry := range vault.accessTokens() {
		targets = append(targets, strings.Fields(str(entry["target"]))...)
	}
	for _, scope := range scopes {
		if !slices.Contains(targets, scope) {
			t.Errorf("%s is lost: %s", scope, targets)
		}
	}
}

// wanted is the scope that the latest token call asked for.
func wanted(idp *entratest.Server) string {
	calls := idp.Requests(entratest.Token)
	for _, scope := range strings.Fields(calls[len(calls)-1].Form.Get("scope")) {
		if strings.Contains(scope, ".") {
			return scope
		}
	}
	return ""
}

func TestD8_SignOutOnAnotherInstanceWinsOverARenewal(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	sites := []*site{newSite(t, idp, onRedis(t, server)), newSite(t, idp, onRedis(t, server))}
	for range repeats(200) {
		b := sites[0].browser()
		b.signIn(adele)
		b.vault(server).expire()
		cookie := b.jar[sessionCookie]
		var wait sync.WaitGroup
		wait.Go(func() {
			r := request(http.MethodGet, "/token", "")
			r.AddCookie(cookie)
			sites[0].send(r)
		})
		wait.Go(func() {
			r := request(http.MethodPost, "/user/logout", "")
			r.AddCookie(cookie)
			sites[1].send(r)
		})
		wait.Wait()
		for _, key := range server.Keys() {
			if strings.HasSuffix(key, ":s") || strings.HasSuffix(key, ":t") {
				t.Fatalf("came back: %s", key)
			}
		}
	}
}

func TestColdToken_CostsTwoCommandsAndNoCallToEntra(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	b := newSite(t, idp, onRedis(t, server)).browser()
	b.signIn(adele)
	idp.ResetRequests()
	b.site = newSite(t, idp, onRedis(t, server)) // as after a restart
	b.get("/guarded")                            // a new process prolongs the session once
	before := commands(t, server)
	if a := b.get("/token"); a.body != adele {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if got := commands(t, server) - before - 1; got != 2 {
		t.Errorf("%d commands", got)
	}
	if n := len(idp.Requests()); n != 0 {
		t.Errorf("%d calls to Entra", n)
	}
}
