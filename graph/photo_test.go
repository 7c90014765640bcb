package graph_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

const photoCSP = "default-src 'none'; sandbox"

func TestPhoto_IsTheUsersOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	want, _ := s.entra.User(adele)
	b := s.signIn(t, adele)
	got := b.Get("/user/photo")
	if got.StatusCode != http.StatusOK || got.Text != string(want.Photo) {
		t.Fatalf("got %d and %d bytes", got.StatusCode, len(got.Text))
	}
	checkHeaders(t, got.Header, map[string]string{
		"Content-Type": "image/jpeg", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": photoCSP,
		"Cache-Control": "private, max-age=3600", "Vary": "Cookie",
	})
	b.run(func(c *fiber.Ctx) error {
		picture, err := graph.Photo(c)
		if err != nil || !bytes.Equal(picture, want.Photo) {
			t.Errorf("Photo: %v, %d bytes", err, len(picture))
		}
		return nil
	})
}

func TestPhoto_IsRevalidatedByItsETag(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, login := range []string{adele, isaiah} {
		b := s.signIn(t, login)
		tag := b.Get("/user/photo").Header.Get("ETag")
		if !strings.HasPrefix(tag, `"`) || len(tag) != 34 {
			t.Fatalf("the ETag is %q", tag)
		}
		for header, want := range map[string]int{
			tag: 304, "W/" + tag: 304, "*": 304, `"other", ` + tag: 304, `"other"`: 200, "": 200, strings.Trim(tag, `"`): 200,
		} {
			r := httptest.NewRequest(http.MethodGet, publicURL+"/user/photo", http.NoBody)
			r.Header.Set("If-None-Match", header)
			got := b.Send(r)
			if got.StatusCode != want || (want == 304) != (got.Text == "") {
				t.Errorf("If-None-Match %s: %d, %d bytes", header, got.StatusCode, len(got.Text))
			}
			checkHeaders(t, got.Header, map[string]string{"ETag": tag, "Cache-Control": "private, max-age=3600", "Vary": "Cookie"})
		}
	}
}

func TestPhoto_AnswersHEAD(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	for _, path := range []string{"/user/photo", "/user/manager"} {
		got := b.Send(httptest.NewRequest(http.MethodHead, publicURL+path, http.NoBody))
		if got.StatusCode != http.StatusOK || got.Text != "" {
			t.Errorf("HEAD %s: %d, %d bytes", path, got.StatusCode, len(got.Text))
		}
		if got := b.Send(httptest.NewRequest(http.MethodPost, publicURL+path, http.NoBody)); got.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, got.StatusCode)
		}
	}
}

func TestPhoto_MissingPhotoIsDrawn(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]*entratest.Fault{
		"no photo":      nil,
		"ErrorItem":     {Status: 404, Body: `{"error":{"code":"ErrorItemNotFound","message":"m"}}`},
		"without code":  {Status: 404, Body: `{}`},
		"MSA":           {Status: 404, Body: `{"error":{"code":"ConsumerPhotoIsNotSupported","message":"m"}}`},
		"not supported": {Status: 501, Body: `{"error":{"code":"NotSupported","message":"m"}}`},
		"empty":         {Status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			b := s.signIn(t, isaiah)
			if fault != nil {
				s.entra.Fault(entratest.GraphPhoto, *fault)
			}
			got := b.Get("/user/photo")
			checkHeaders(t, got.Header, map[string]string{
				"Content-Type": "image/svg+xml", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": photoCSP,
				"Cache-Control": "private, max-age=3600", "Vary": "Cookie",
			})
			if got.StatusCode != http.StatusOK || !strings.Contains(got.Text, ">IL</text>") || !strings.Contains(got.Text, "<title>Isaiah Langer</title>") {
				t.Errorf("got %d %s", got.StatusCode, got.Text)
			}
			b.run(func(c *fiber.Ctx) error {
				if picture, err := graph.Photo(c); picture != nil || err != nil {
					t.Errorf("Photo: %v, %d bytes", err, len(picture))
				}
				return nil
			})
		})
	}
}

func TestPhoto_ErrorsAreTyped(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	s.entra.Fault(entratest.GraphPhoto, entratest.Fault{Body: "<html>"})
	err := b.failure(func(c *fiber.Ctx) error {
		_, err := graph.Photo(c)
		return err
	})
	if !errors.Is(err, graph.ErrBadAnswer) {
		t.Errorf("got %v", err)
	}
	if err := s.browser(t).failure(func(c *fiber.Ctx) error { return errOf(graph.Photo(c)) }); !errors.Is(err, fibermsal.ErrLoginRequired) {
		t.Errorf("got %v", err)
	}
}

func checkHeaders(t *testing.T, got http.Header, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, got.Get(name), value)
		}
	}
}
