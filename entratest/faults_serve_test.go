package entratest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

// try sends a GET and returns the status and the error of either the request or its body.
func try(ctx context.Context, s *entratest.Server, target string) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := s.HTTPClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	return response.StatusCode, string(read), err
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestFault_BreaksConnections(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	keys := s.Authority + "/discovery/v2.0/keys"
	s.Fault(entratest.Keys, entratest.Fault{Times: 1, Drop: true})
	if _, _, err := try(t.Context(), s, keys); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Drop gave %v", err)
	}
	s.Fault(entratest.Keys, entratest.Fault{Times: 1, Truncate: 10})
	if status, body, err := try(t.Context(), s, keys); status != 200 || len(body) != 10 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Truncate gave %d %q %v", status, body, err)
	}
	form := codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"))
	s.Fault(entratest.Token, entratest.Fault{Times: 1, LoseAnswer: true})
	if _, err := s.HTTPClient.Post(s.Authority+"/oauth2/v2.0/token", "application/x-www-form-urlencoded", strings.NewReader(form)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("LoseAnswer gave %v", err)
	}
	wantError(t, redeem(t, s, form), 400, "invalid_grant", 54005, "") // it was handled
}

func TestFault_ChangesHeadersOfTheGenuineAnswer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Fault(entratest.GraphPhoto, entratest.Fault{Header: http.Header{"Set-Cookie": {"a=b"}, "Content-Type": {"text/html"}, "ETag": {}}})
	a := get(t, s, s.GraphURL+"/me/photo/$value", "Authorization: Bearer "+s.Issue("adelev@contoso.com"))
	if a.StatusCode != 200 || a.Header.Get("Set-Cookie") != "a=b" || a.Header.Get("Content-Type") != "text/html" || a.Header.Get("ETag") != "" || !strings.HasPrefix(a.body, "\xff\xd8") {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

func TestFault_StreamsABodyWithoutHoldingIt(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Fault(entratest.GraphPhoto, entratest.Fault{BodyFrom: func() io.Reader { return io.LimitReader(endless{}, 1<<30) }})
	response, err := s.HTTPClient.Get(s.GraphURL + "/me/photo/$value")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if n, err := io.CopyN(io.Discard, response.Body, 1<<20); n != 1<<20 || err != nil || response.StatusCode != 200 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestFault_DelaysInVirtualTimeAndRespectsTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		keys := s.Authority + "/discovery/v2.0/keys"
		s.Fault(entratest.Keys, entratest.Fault{Delay: time.Hour})
		start := time.Now()
		if status, _, err := try(t.Context(), s, keys); status != 200 || err != nil || time.Since(start) != time.Hour {
			t.Errorf("%d %v after %v", status, err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start = time.Now()
		if _, _, err := try(ctx, s, keys); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
