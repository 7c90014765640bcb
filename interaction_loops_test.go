package fibermsal_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestInteraction_LoopEndsWithAPageThatExplains(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	for round := range 3 {
		if authorize, landed := b.follow("/challenge?q=1", adele); round < 2 && landed.StatusCode != http.StatusSeeOther {
			t.Fatalf("round %d: %d, %v", round, landed.StatusCode, authorize)
		} else if round == 2 {
			if landed.StatusCode != http.StatusForbidden || !strings.Contains(landed.Text, "did not help") || !strings.Contains(landed.Text, "Reference") {
				t.Errorf("after three sign-ins: %d %q %s", landed.StatusCode, landed.Location(), landed.Text)
			}
		}
	}
	if !strings.Contains(s.log.String(), `"code":"sign_in_loop"`) {
		t.Errorf("the log is silent: %s", s.log)
	}
	if a := b.Navigate("/scope"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("another page is caught in it: %d", a.StatusCode)
	}
}

func TestB14_PagesTooLongToComeBackToDoNotLoop(t *testing.T) {
	t.Parallel()
	for _, length := range []int{500, 1100, 1900, 2500, 3000} {
		s := newInteractiveSite(t, newIDP(t))
		b := s.browser()
		b.signIn(adele)
		page := "/challenge?q=" + strings.Repeat("x", length)
		var a *answer
		for range 4 { // the app's home page leads here, say
			if a = b.Navigate(page); !a.Redirects() {
				break
			}
			back := b.Send(b.approve(b.Navigate(a.Location()).Location(), adele).Request())
			if !back.Redirects() || (back.Location() != page && back.Location() != "/") {
				t.Fatalf("%d bytes: back by %d to %q", length, back.StatusCode, back.Location())
			}
			b.Navigate("/")
		}
		if a.StatusCode != http.StatusForbidden || !strings.Contains(a.Text, "did not help") {
			t.Errorf("%d bytes, after three sign-ins: %d to %.40q", length, a.StatusCode, a.Location())
		}
		if a := b.Navigate(page + "y"); !a.Redirects() {
			t.Errorf("%d bytes: another page is caught in it: %d", length, a.StatusCode)
		}
	}
}

func TestB14_PagesThatOnlyRedirectHaveNotBeenSeen(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	visits := 0
	s.app.Get("/bounce", func(c *fiber.Ctx) error {
		if visits++; visits%2 == 1 {
			return fibermsal.ClaimsChallenge(`{"access_token":{"nbf":null}}`)
		}
		fibermsal.FromContext(c)
		return redirect(c, "/bounced")
	})
	s.app.Get("/bounced", func(c *fiber.Ctx) error { return redirect(c, "/bounce") })
	b := s.browser()
	b.signIn(adele)
	for range 4 {
		a := b.Navigate("/bounce")
		if a.StatusCode == http.StatusForbidden {
			return
		}
		b.Send(b.approve(b.Navigate(a.Location()).Location(), adele).Request())
		b.Navigate("/bounce")
		b.Navigate("/bounced")
	}
	t.Error("round and round")
}

func TestB14_ClientWithoutCookiesComesToAnEnd(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	forgetful := func(r *http.Request) *answer { return s.browser().Send(r) }
	a := forgetful(navigation(http.MethodGet, "/challenge"))
	rounds := 0
	for ; rounds < 10; rounds++ {
		if a = forgetful(navigation(http.MethodGet, a.Location())); a.Location() == "" {
			break
		}
		a = forgetful(s.browser().approve(a.Location(), adele).Request())
	}
	if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.Text, "may not keep the cookies") || rounds != 3 || s.idp.Count(entratest.Token) != 0 {
		t.Errorf("%d to %q after %d rounds, %d token calls", a.StatusCode, a.Location(), rounds, s.idp.Count(entratest.Token))
	}
}

func TestInteraction_SuccessfulPagesAreNoLoop(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	s.app.Get("/start", fibermsal.Require(), func(c *fiber.Ctx) error { return redirect(c, "/signed-in") })
	b := s.browser()
	for path, status := range map[string]int{"/signed-in?tab=1": http.StatusOK, "/start": http.StatusSeeOther} {
		for range 6 {
			if _, landed := b.follow(path, adele); landed.StatusCode != status {
				t.Fatalf("%s: %d %s", path, landed.StatusCode, landed.Text)
			}
			b.Send(request(http.MethodPost, "/user/logout", ""))
		}
	}
}

func TestInteraction_ManyTabsAreNoLoop(t *testing.T) {
	t.Parallel()
	b := newInteractiveSite(t, newIDP(t)).browser()
	var sent []string
	for tab := range 6 {
		sent = append(sent, b.Navigate(b.Navigate(fmt.Sprintf("/signed-in?tab=%d", tab)).Location()).Location())
	}
	for tab, authorizeURL := range sent {
		back := b.Send(b.approve(authorizeURL, adele).Request())
		if a := b.Navigate(back.Location()); a.Text != "shown" {
			t.Errorf("tab %d: %d %s", tab, a.StatusCode, a.Text)
		}
	}
}

func TestInteraction_ManyLoopingTabsEnd(t *testing.T) {
	b := newInteractiveSite(t, newIDP(t)).browser()
	b.signIn(adele)
	for range 8 {
		ended := false
		for tab := range 5 {
			a := b.Navigate(fmt.Sprintf("/challenge?tab=%d", tab))
			if a.StatusCode != http.StatusSeeOther {
				ended = true
				continue
			}
			b.Send(b.approve(b.Navigate(a.Location()).Location(), adele).Request())
		}
		if ended {
			return
		}
	}
	t.Error("five tabs went round eight times each")
}
