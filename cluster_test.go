package fibermsal_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
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

func (b *browser) vault(r redistest.Redis) *vault {
	b.t.Helper()
	ring, err := sealed.NewRing([][]byte{testKey(1)}, "records")
	if err != nil {
		b.t.Fatal(err)
	}
	name, ok := record.Name(b.session())
	if !ok {
		b.t.Fatal("nobody is signed in")
	}
	return &vault{b.t, record.NewStore(record.NewRedis(r.Patient(), nil), ring, b.idp.ClientID), name}
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
	box, err := v.store.Sealed(ctx, v.name, record.Tokens)
	if err != nil {
		v.t.Fatal(err)
	}
	content, err := v.store.Open(v.name, record.Tokens, box)
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
	if err := v.store.Swap(ctx, v.name, record.Tokens, box, content, time.Hour); err != nil {
		v.t.Fatal(err)
	}
}

// rewriteSession changes the fields of a session, as another version would write them.
func (v *vault) rewriteSession(change func(fields map[string]any)) {
	v.t.Helper()
	content, err := v.store.Get(v.t.Context(), v.name, record.Session)
	if err != nil {
		v.t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(content, &fields); err != nil {
		v.t.Fatal(err)
	}
	change(fields)
	if content, err = json.Marshal(fields); err != nil {
		v.t.Fatal(err)
	}
	if err := v.store.Put(v.t.Context(), v.name, record.Session, content, time.Hour); err != nil {
		v.t.Fatal(err)
	}
}

func TestG11_TwoInstancesRenewAnExpiredTokenOnce(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			for name, delay := range map[string]time.Duration{"fast Entra": 0, "slow Entra": 2 * time.Second} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					idp := newApp(t, entratest.WithOneTimeRefreshTokens())
					sites := []*site{newSite(t, idp, on(t, r)), newSite(t, idp, on(t, r))}
					b := sites[0].browser()
					b.signIn(adele)
					b.vault(r).expire()
					idp.Fault(entratest.Token, entratest.Fault{Delay: delay})
					renewOnce(t, sites, b)
				})
			}
		})
	}
}

// renewOnce has a hundred requests on two instances meet an expired token.
func renewOnce(t *testing.T, sites []*site, b *browser) {
	t.Helper()
	b.idp.ResetRequests()
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
	if calls := b.idp.Count(entratest.Token); good.Load() != 100 || calls != 1 {
		t.Errorf("%d of 100 successes, %d token calls\n%s", good.Load(), calls, sites[0].log)
	}
}

func TestD9_ConcurrentRenewalsForManyScopesLoseNothing(t *testing.T) {
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			scopes := []string{"User.Read", "Mail.Read", "Calendars.Read", "Files.Read", "Contacts.Read", "People.Read", "Tasks.Read", "Notes.Read", "Chat.Read", "Presence.Read"}
			idp := newApp(t, entratest.WithOneTimeRefreshTokens())
			newOne := func() *site {
				s := newSite(t, idp, on(t, r), func(cfg *fibermsal.Config) { cfg.Scopes = scopes })
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
			vault := b.vault(r)
			vault.expire()
			// Each answer covers one scope only, so that each needs a renewal of its own.
			idp.TamperTokenResponse(func(_ string, body map[string]any) { body["scope"] = "openid profile " + wanted(idp) })
			var wait sync.WaitGroup
			for i := range 2 * len(scopes) {
				asks := request(http.MethodGet, "/token/"+strconv.Itoa(i/2), "")
				asks.AddCookie(b.jar[sessionCookie])
				wait.Go(func() {
					if a := sites[i%2].send(asks); a.body != adele {
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
		})
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
	for name, start := range redistest.Each(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			idp := newApp(t)
			here, there := newSite(t, idp, on(t, r)), newSite(t, idp, on(t, r))
			for range repeats(200) {
				b := here.browser()
				b.signIn(adele)
				b.vault(r).expire()
				renewal, signOut := request(http.MethodGet, "/token", ""), request(http.MethodPost, "/user/logout", "")
				renewal.AddCookie(b.jar[sessionCookie])
				signOut.AddCookie(b.jar[sessionCookie])
				var wait sync.WaitGroup
				wait.Go(func() { here.send(renewal) })
				wait.Go(func() { there.send(signOut) })
				wait.Wait()
				if left := recordsOfSessions(t, keysOf(idp, r.Keys())); len(left) != 0 {
					t.Fatalf("came back: %v", left)
				}
			}
		})
	}
}

func TestColdToken_CostsTwoCommandsAndNoCallToEntra(t *testing.T) {
	for name, start := range redistest.EachAlone(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			idp := newApp(t)
			b := newSite(t, idp, on(t, r)).browser()
			b.signIn(adele)
			idp.ResetRequests()
			b.site = newSite(t, idp, on(t, r)) // as after a restart
			b.get("/guarded")                  // a new process prolongs the session once
			before := commands(t, r)
			if a := b.get("/token"); a.body != adele {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			if got := commands(t, r) - before; got != 2 {
				t.Errorf("%d commands", got)
			}
			if n := len(idp.Requests()); n != 0 {
				t.Errorf("%d calls to Entra", n)
			}
		})
	}
}

// Clients that an app makes itself take no turns; only compare-and-set protects them.
func TestD9_ClientsOfTheAppLoseNothing(t *testing.T) {
	t.Parallel()
	const clients = 100 // 50 on each instance
	scopes := make([]string, clients)
	for i := range scopes {
		scopes[i] = fmt.Sprintf("api://resource%d/Read", i)
	}
	server, idp := redistest.Start(t), newIDP(t, entratest.WithScopes(scopes...))
	newOne := func() *site {
		s := newSite(t, idp, on(t, server))
		s.app.Get("/own/:n", func(c *fiber.Ctx) error {
			n, err := c.ParamsInt("n")
			if err != nil {
				return err
			}
			_, err = byOwnClient(c, idp, scopes[n])
			return err
		})
		return s
	}
	sites := []*site{newOne(), newOne()}
	b := sites[0].browser()
	authorizeURL, err := url.Parse(b.start(""))
	if err != nil {
		t.Fatal(err)
	}
	q := authorizeURL.Query()
	q.Set("scope", q.Get("scope")+" "+strings.Join(scopes, " ")) // consents to all of them
	authorizeURL.RawQuery = q.Encode()
	b.do(b.approve(authorizeURL.String(), adele).Request())
	var wait sync.WaitGroup
	for i := range clients {
		r := request(http.MethodGet, fmt.Sprintf("/own/%d", i), "")
		r.AddCookie(b.jar[sessionCookie])
		wait.Go(func() {
			if a := sites[i%2].send(r); a.StatusCode != http.StatusOK {
				t.Errorf("client %d: %d %s", i, a.StatusCode, a.body)
			}
		})
	}
	wait.Wait()
	if n := len(b.vault(server).accessTokens()); n != clients+1 {
		t.Errorf("%d tokens in the record, want %d", n, clients+1)
	}
}
