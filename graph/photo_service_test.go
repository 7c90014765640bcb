package graph_test

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

// The photo service refuses guests with 401 and users without a mailbox with 400 or 403.
func TestPhoto_NoRefusalOfThePhotoServiceRequiresASignIn(t *testing.T) {
	t.Parallel()
	challenge := http.Header{"Www-Authenticate": {`Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`}}
	rows := map[string]entratest.Fault{
		"a guest":             {Status: 401, Body: `{"error":{"code":"UnknownError","message":""}}`},
		"a claims challenge":  {Status: 401, Body: `{}`, Header: challenge},
		"unquoted claims":     {Status: 401, Body: `{}`, Header: http.Header{"Www-Authenticate": {`Bearer realm="", claims=abc`}}},
		"no mailbox":          {Status: 400, Body: `{"error":{"code":"AuthenticationError","message":"Error authenticating with resource"}}`},
		"no mailbox, refused": {Status: 403, Body: `{"error":{"code":"ErrorAccessDenied","message":"Access is denied."}}`},
		"HTML":                {Status: 403, Body: `<html>`},
		"nothing":             {Status: 405},
	}
	for status := 402; status < 500; status++ {
		if status != 429 && status%7 == 0 || status == 410 || status == 424 {
			rows[strconv.Itoa(status)] = entratest.Fault{Status: status, Body: `{}`}
		}
	}
	for name, fault := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			b := s.signIn(t, adele)
			s.entra.Fault(entratest.GraphPhoto, fault)
			tokens := s.entra.Count(entratest.Token)
			for range 3 {
				if got := b.Get("/user/photo"); got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "image/svg+xml" {
					t.Errorf("got %d %s", got.StatusCode, got.Text)
				}
			}
			page := b.Navigate("/user/photo")
			if page.StatusCode != http.StatusOK {
				t.Errorf("as a page: %d to %q", page.StatusCode, page.Location())
			}
			b.run(func(c *fiber.Ctx) error {
				if picture, err := graph.Photo(c); picture != nil || err != nil {
					t.Errorf("Photo: %v, %d bytes", err, len(picture))
				}
				return nil
			})
			if n := s.entra.Count(entratest.Token); n != tokens {
				t.Errorf("%d token calls", n-tokens)
			}
			if n := s.entra.Count(entratest.GraphPhoto); n != 1 {
				t.Errorf("the photo service got %d requests", n)
			}
		})
	}
}

func TestPhoto_ATokenThatGraphRefusesRequiresASignIn(t *testing.T) {
	t.Parallel()
	refusal := entratest.Fault{Status: 401, Body: `{"error":{"code":"InvalidAuthenticationToken","message":"Access token has expired or is not yet valid."}}`}
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	s.entra.Fault(entratest.GraphPhoto, refusal)
	s.entra.Fault(entratest.GraphMe, refusal)
	if got := b.Get("/user/photo"); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %d", got.StatusCode)
	}
}

// The token was refused for a reason that a new one fixes, and the photo is there.
func TestPhoto_IsLoadedWithANewToken(t *testing.T) {
	t.Parallel()
	once := entratest.Fault{Times: 1, Status: 401, Body: `{"error":{"code":"InvalidAuthenticationToken","message":"Access token has expired or is not yet valid."}}`}
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	s.entra.Fault(entratest.GraphPhoto, once)
	s.entra.Fault(entratest.GraphMe, once)
	if got := b.Get("/user/photo"); got.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("got %d %s", got.StatusCode, got.Text)
	}
}

func TestPhoto_IsRememberedForItsUserAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		want, _ := s.entra.User(adele)
		shown := func(b *browser, calls int) {
			t.Helper()
			s.entra.ResetRequests()
			got := b.Get("/user/photo")
			if n := s.entra.Count(entratest.GraphPhoto); n != calls || got.StatusCode != http.StatusOK {
				t.Errorf("%d, %d requests of photos, want %d", got.StatusCode, n, calls)
			}
		}
		first, second, other := s.signIn(t, adele), s.signIn(t, adele), s.signIn(t, isaiah)
		shown(first, 1)
		shown(first, 0)
		shown(second, 0) // another session of the user
		shown(other, 1)  // who has none
		shown(other, 0)
		if got := other.Get("/user/photo"); got.Text == string(want.Photo) {
			t.Error("the photo of another user")
		}
		first.run(func(c *fiber.Ctx) error {
			picture, err := graph.Photo(c)
			clear(picture)
			return err
		})
		if got := first.Get("/user/photo"); got.Text != string(want.Photo) {
			t.Error("a caller changed the photo of all")
		}
		time.Sleep(16 * time.Minute)
		shown(other, 1)
		shown(first, 0)
		time.Sleep(time.Hour)
		shown(first, 1)
		if a := s.browser(t).Get("/user/photo"); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("a stranger got %d", a.StatusCode)
		}
	})
}

// Each app has a separate cache, because users of two tenants may have the same ID by mistake, and two
// apps may trust different tenants.
func TestPhoto_IsNotSharedByApps(t *testing.T) {
	t.Parallel()
	one, two := newSite(t, nil), newSite(t, nil)
	b := one.signIn(t, adele)
	b.Get("/user/photo")
	two.signIn(t, adele).Get("/user/photo")
	if n := two.entra.Count(entratest.GraphPhoto); n != 1 {
		t.Errorf("the second app made %d requests", n)
	}
}

func TestPhoto_FailuresAreNotRemembered(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	s.entra.Fault(entratest.GraphPhoto, entratest.Fault{Times: 1, Status: 500})
	if got := b.Get("/user/photo"); got.Header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(got.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("got %d %v", got.StatusCode, got.Header)
	}
	if got := b.Get("/user/photo"); got.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("got %d %v", got.StatusCode, got.Header)
	}
}

func TestPhoto_ComesInSizes(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	s.entra.ResetRequests()
	for query, want := range map[string]string{
		"": "/photo/$value", "size=48": "/photos/48x48/", "size=96x96": "/photos/96x96/", "size=49": "/photos/64x64/",
		"size=432": "/photos/432x432/", "size=648": "/photos/648x648/", "size=9999": "/photo/$value", "size=0": "/photo/$value",
	} {
		s = newSite(t, nil)
		b = s.signIn(t, adele)
		got := b.Get("/user/photo?" + query)
		requests := s.entra.Requests(entratest.GraphPhoto)
		if got.StatusCode != http.StatusOK || len(requests) != 1 || !strings.Contains(requests[0].URL.Path, want) {
			t.Errorf("%s: %d, %d requests", query, got.StatusCode, len(requests))
		}
	}
	for _, query := range []string{"size=large", "size=96x48", "size=-1", "size=1e3", "size=99999999", "size=96%2f.."} {
		if got := b.Get("/user/photo?" + query); got.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", query, got.StatusCode)
		}
	}
	b.run(func(c *fiber.Ctx) error {
		picture, err := graph.PhotoOfSize(c, 90)
		if err != nil {
			return err
		}
		if size, err := jpeg.DecodeConfig(bytes.NewReader(picture)); err != nil || size.Width != 96 {
			t.Errorf("PhotoOfSize: %v, %d pixels", err, size.Width)
		}
		return nil
	})
}

func TestPhoto_WithoutASizeIsTheOriginal(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	want, _ := s.entra.User(adele)
	b := s.signIn(t, adele)
	s.entra.Fault(entratest.GraphPhoto, entratest.Fault{Times: 1, Status: 404, Body: `{"error":{"code":"ImageNotFound","message":"m"}}`})
	if got := b.Get("/user/photo?size=648"); got.Text != string(want.Photo) {
		t.Errorf("got %d %s", got.StatusCode, got.Header.Get("Content-Type"))
	}
}

// The batch at sign-in has the photo already.
func TestPhoto_IsLoadedAtSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProfile)
	for login, want := range map[string]string{adele: "image/jpeg", isaiah: "image/svg+xml"} {
		s.entra.ResetRequests()
		b := s.signIn(t, login)
		if n := s.entra.Count(entratest.GraphBatch); n != 1 {
			t.Errorf("%d batches", n)
		}
		s.entra.ResetRequests()
		if got := b.Get("/user/photo"); got.Header.Get("Content-Type") != want || len(s.entra.Requests()) != 0 {
			t.Errorf("got %s after %d requests", got.Header.Get("Content-Type"), len(s.entra.Requests()))
		}
	}
}

func TestPhoto_ThatThereIsNoneIsRememberedForAllSizes(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, isaiah)
	b.Get("/user/photo?size=96")
	s.entra.ResetRequests()
	for _, path := range []string{"/user/photo", "/user/photo?size=96", "/user/photo?size=48"} {
		if got := b.Get(path); got.StatusCode != http.StatusOK || len(s.entra.Requests()) != 0 {
			t.Errorf("%s: %d after %d requests", path, got.StatusCode, len(s.entra.Requests()))
		}
	}
}

// The memory for photos is bounded, and the photos that were shown last are kept.
func TestPhoto_TheCacheIsBounded(t *testing.T) {
	t.Parallel()
	var users []entratest.User
	for i := range 24 {
		users = append(users, entratest.User{
			ID: groupID(i), UPN: fmt.Sprintf("u%d@contoso.com", i), DisplayName: "U",
			Photo: append([]byte("\xff\xd8\xff\xe0"), bytes.Repeat([]byte{byte(i)}, 900<<10)...),
		})
	}
	s := newSite(t, nil, entratest.WithUsers(users...))
	browsers := make([]*browser, len(users))
	for i, u := range users {
		browsers[i] = s.signIn(t, u.UPN)
		browsers[i].Get("/user/photo")
		browsers[0].Get("/user/photo") // is in use
	}
	calls := func(i int) int {
		s.entra.ResetRequests()
		if got := browsers[i].Get("/user/photo"); got.Text != string(users[i].Photo) {
			t.Errorf("user %d got %d and %d bytes", i, got.StatusCode, len(got.Text))
		}
		return s.entra.Count(entratest.GraphPhoto)
	}
	if calls(0) != 0 || calls(23) != 0 || calls(1) != 1 {
		t.Error("the photos that were shown last are not kept, or all are")
	}
}

func TestPhoto_WithoutASignInNothingIsRequested(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	err := s.browser(t).failure(func(c *fiber.Ctx) error { return errOf(graph.PhotoOfSize(c, 96)) })
	if e := asError(t, err); e.Code != "login_required" || s.entra.Count(entratest.GraphPhoto) != 0 {
		t.Errorf("got %v", err)
	}
}
