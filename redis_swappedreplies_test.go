package fibermsal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
	"github.com/fibermsal/fibermsal/internal/faultproxy"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// tally counts responses, and reports those that are not allowed.
type tally struct {
	t                         *testing.T
	own, unknown, unavailable atomic.Int64
	foreign                   atomic.Int64
	signIns, failed, repeated atomic.Int64
}

// page checks a response to a user. It must be the user's own, report that no user is signed in, or
// report that the storage failed. Any other response belongs to another user.
func (y *tally) page(status int, user, who string) {
	switch {
	case status == http.StatusOK && who == user:
		y.own.Add(1)
	case status == http.StatusOK && who == "":
		y.unknown.Add(1)
	case status == http.StatusUnauthorized:
		y.unknown.Add(1)
	case status == http.StatusServiceUnavailable:
		y.unavailable.Add(1)
	default:
		if y.foreign.Add(1) < 5 {
			y.t.Errorf("%s got status %d for %q", user, status, who)
		}
	}
}

func (y *tally) String() string {
	return fmt.Sprintf("%d own answers, %d of nobody, %d of 503, %d foreign; %d sign-ins, %d refused, %d repeated",
		y.own.Load(), y.unknown.Load(), y.unavailable.Load(), y.foreign.Load(), y.signIns.Load(), y.failed.Load(), y.repeated.Load())
}

// whoIsMe returns the user in a page's response.
func whoIsMe(path, body string) string {
	if path != "/user/info" {
		var name string
		if _, err := fmt.Sscanf(body, "hello %s", &name); err == nil {
			return name
		}
		return body
	}
	var info struct {
		UPN string `json:"upn"`
	}
	if json.Unmarshal([]byte(body), &info) != nil {
		return body
	}
	return info.UPN
}

// Redis, or a proxy in front of it, sends replies to the wrong clients. The records in them cannot be
// opened there, because they are sealed for their key (threat E2).
func TestG6_SwappedRepliesOpenNothing(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		query string
		swap  func(*faultproxy.Proxy)
	}{
		"of any command":      {"?", swapAll},
		"in RESP2":            {"?protocol=2", swapAll},
		"of alike commands":   {"?", (*faultproxy.Proxy).SwapAlike},
		"with a small pool":   {"?pool_size=3", (*faultproxy.Proxy).SwapAlike},
		"alike, and in RESP2": {"?protocol=2", (*faultproxy.Proxy).SwapAlike},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newRegistration(t, entratest.WithAccessTokenLifetime(shortLived))
			query := patiently(row.query)
			d := behindNetwork(t, redistest.Start(t), idp, query)
			sites := []*site{d.site, d.another(t, idp, query)}
			for _, s := range sites {
				s.app.Get("/of/:user", func(c *fiber.Ctx) error { return sendOfflineToken(c, s, idp) })
			}
			y := &tally{t: t}
			began := time.Now()
			enough := func() bool { // on a busy machine it takes a while
				took := time.Since(began)
				proven := d.proxy.Swapped() > 300 && y.signIns.Load() > 20
				return took > 30*time.Second || proven && took > soakTime(2*time.Second, 20*time.Second)
			}
			var wait sync.WaitGroup
			for i, user := range idp.Users()[:4] {
				for range 4 {
					wait.Go(func() { y.live(sites[i%2], user, enough) })
				}
			}
			row.swap(d.proxy)
			wait.Wait()
			t.Logf("%d replies swapped; %v", d.proxy.Swapped(), y)
			figure.Report(t, figure.Figure{Row: "R2", Name: "foreign answers while Redis' replies are swapped", Value: strconv.FormatInt(y.foreign.Load(), 10)})
			figure.Report(t, figure.Figure{Row: "R2", Name: "replies swapped", Value: strconv.Itoa(d.proxy.Swapped())})
			if d.proxy.Swapped() < 300 || y.signIns.Load() == 0 || y.unknown.Load() == 0 {
				t.Error("too little happened to prove anything")
			}
			d.proxy.SwapReplies(false)
			b := d.browser()
			b.awaitSignIn(adele)
			if b.user() != adele {
				t.Error("it does not recover")
			}
		})
	}
}

func swapAll(p *faultproxy.Proxy) { p.SwapReplies(true) }

// sendOfflineToken responds with the owner of a token that a background job gets for a user.
func sendOfflineToken(c *fiber.Ctx, s *site, idp *entratest.Server) error {
	person, _ := idp.User(c.Params("user"))
	user, err := s.auth.UserByID(c.UserContext(), idp.TenantID, person.ID)
	if err != nil {
		return err
	}
	token, err := user.TokenCredential().GetToken(c.UserContext(), tokenRequest())
	if err != nil {
		return err
	}
	owner, _ := idp.TokenUser(token.Token)
	return c.SendString(owner)
}

// live lets a user sign in, open pages and get tokens, and start again after another user's reply has
// ended the session.
func (y *tally) live(s *site, user entratest.User, enough func() bool) {
	b := s.browser()
	for !enough() {
		if b.session() == "" {
			y.signIn(b, user.UPN)
			<-time.After(50 * time.Millisecond)
			continue
		}
		for _, path := range []string{"/guarded", "/user/info", "/token", "/of/" + user.UPN} {
			status, body := s.glance(path, b.session())
			switch {
			case status == http.StatusOK:
				y.page(status, user.UPN, whoIsMe(path, body))
			case path == "/of/"+user.UPN && status < 500: // no session of the user is found
				y.page(http.StatusUnauthorized, user.UPN, "")
			default:
				y.page(status, user.UPN, "")
			}
			if status == http.StatusUnauthorized {
				b.Jar = browsertest.Jar{}
			}
		}
		if rand.IntN(20) == 0 {
			b.Send(request(http.MethodPost, "/user/logout", ""))
		}
	}
}

// signIn tries once, and reports whether it succeeded.
func (y *tally) signIn(b *browser, user string) {
	a := b.Send(b.approve(b.start(""), user).Request())
	switch {
	case a.StatusCode == http.StatusSeeOther && b.session() != "":
		y.signIns.Add(1)
	case a.StatusCode == http.StatusServiceUnavailable && b.session() == "":
		y.failed.Add(1)
	case strings.Contains(a.Location(), "resume=") && b.session() == "": // "this response was used": by the reply to another
		y.repeated.Add(1)
	default:
		y.foreign.Add(1)
		y.t.Errorf("sign-in: status %d, session %q\n%s", a.StatusCode, b.session(), a.Text)
	}
}

// Callers who give up in the middle of a reply leave the rest of it on the connection. No other caller
// may read it as its own reply.
func TestG6_CancelledAndTimedOutCommandsMixNothing(t *testing.T) {
	t.Parallel()
	idp := newRegistration(t)
	d := behindNetwork(t, redistest.Start(t), idp, patiently("?pool_size=10&max_retries=-1"))
	d.proxy.Delay(0, 4*time.Millisecond)
	people := idp.Users()[:4]
	d.app.Get("/hasty", func(c *fiber.Ctx) error {
		ctx, cancel := context.WithCancel(c.UserContext())
		defer cancel()
		wait := time.Duration(rand.Int64N(int64(5 * time.Millisecond)))
		if rand.IntN(2) == 0 {
			defer time.AfterFunc(wait, cancel).Stop()
		} else {
			var done context.CancelFunc
			ctx, done = context.WithTimeout(ctx, wait)
			defer done()
		}
		c.SetUserContext(ctx)
		user, ok := fibermsal.FromContext(c)
		if !ok {
			return fiber.ErrUnauthorized
		}
		return c.SendString(user.Username)
	})
	y := &tally{t: t}
	sessions := make([]*browser, len(people))
	for i, user := range people {
		sessions[i] = d.browser()
		sessions[i].awaitSignIn(user.UPN)
	}
	var wait sync.WaitGroup
	var given atomic.Int64
	for i := range 32 {
		user, b := people[i%4], sessions[i%4]
		wait.Go(func() {
			for range repeats(80_000) / 32 {
				if status, body := d.glance("/hasty", b.session()); status == http.StatusOK {
					y.page(status, user.UPN, body)
				} else {
					given.Add(1)
				}
				status, body := d.glance("/guarded", b.session())
				y.page(status, user.UPN, whoIsMe("/guarded", body))
				if status == http.StatusUnauthorized {
					y.t.Errorf("%s was signed out", user.UPN)
				}
			}
		})
	}
	wait.Wait()
	t.Logf("%d given up; %v", given.Load(), y)
	figure.Report(t, figure.Figure{Row: "R2", Name: "foreign answers beside commands that were given up", Value: fmt.Sprintf("%d of %d", y.foreign.Load(), y.own.Load()+y.foreign.Load())})
	figure.Report(t, figure.Figure{Row: "R2", Name: "commands given up", Value: strconv.FormatInt(given.Load(), 10)})
	if y.own.Load() == 0 || given.Load() == 0 {
		t.Error("too little happened to prove anything")
	}
}
