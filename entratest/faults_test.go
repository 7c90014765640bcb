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

func TestFaults_queue_up_and_end(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	keys := s.Authority + "/discovery/v2.0/keys"
	s.Fault(entratest.Keys, entratest.Fault{Times: 2, Status: 429, Body: "slow down", Header: http.Header{"Retry-After": {"60"}}})
	s.Fault(entratest.Keys, entratest.Fault{Status: 503, Body: "<html>"})
	for i, want := range []int{429, 429, 503, 503, 503} {
		if got := get(t, s, keys); got.StatusCode != want || (want == 429) != (got.Header.Get("Retry-After") == "60") {
			t.Errorf("request %d: %d %v", i, got.StatusCode, got.Header)
		}
	}
	if got := get(t, s, s.Authority+"/v2.0/.well-known/openid-configuration").StatusCode; got != 200 {
		t.Errorf("another endpoint gives %d", got)
	}
	s.ClearFaults()
	if got := get(t, s, keys).StatusCode; got != 200 {
		t.Errorf("after ClearFaults: %d", got)
	}
	if got := s.Requests(entratest.Keys)[0].Status; got != 429 || s.Count(entratest.Keys) != 6 {
		t.Errorf("recorded %d", got)
	}
}

func TestFault_breaks_connections(t *testing.T) {
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

func TestFault_speaks_Entra(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Fault(entratest.Token, entratest.Fault{Times: 1, OAuth: &entratest.OAuthError{
		Error: "interaction_required", Suberror: "basic_action", Codes: []int{50076}, Claims: `{"access_token":{}}`,
	}})
	a := redeem(t, s, "")
	wantError(t, a, 400, "interaction_required", 50076, "basic_action")
	if a.json(t)["claims"] != `{"access_token":{}}` {
		t.Error(a.body)
	}
}

func TestFault_changes_headers_of_the_real_answer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Fault(entratest.GraphPhoto, entratest.Fault{Header: http.Header{"Set-Cookie": {"a=b"}, "Content-Type": {"text/html"}, "ETag": {}}})
	a := get(t, s, s.GraphURL+"/me/photo/$value", "Authorization: Bearer "+s.Issue("adelev@contoso.com"))
	if a.StatusCode != 200 || a.Header.Get("Set-Cookie") != "a=b" || a.Header.Get("Content-Type") != "text/html" || a.Header.Get("ETag") != "" || !strings.HasPrefix(a.body, "\xff\xd8") {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestFault_streams_a_body_without_holding_it(t *testing.T) {
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

func TestFault_delays_in_virtual_time_and_heeds_the_context(t *testing.T) {
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

func TestHTTPClient_reaches_nothing_else_and_nothing_after_Close(t *testing.T) {
	t.Parallel()
	s := entratest.New()
	for _, target := range []string{"https://login.microsoftonline.com/common", "http://login.entra.test/common", "https://login.entra.test:444/x"} {
		if _, _, err := try(t.Context(), s, target); err == nil || !strings.Contains(err.Error(), "not part of the emulator") {
			t.Errorf("%s: %v", target, err)
		}
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := try(t.Context(), s, s.Authority); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("after Close: %v", err)
	}
}

func TestHosts_can_be_the_production_ones(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithHosts("login.microsoftonline.com", "graph.microsoft.com"))
	client := newClient(t, s)
	token := acquire(t, s, client, "adelev@contoso.com").AccessToken
	if a := get(t, s, "https://graph.microsoft.com/v1.0/me", "Authorization: Bearer "+token); a.StatusCode != 200 {
		t.Error(a.body)
	}
}

func TestRequests_record_what_was_sent(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	tokens(t, s, "adelev@contoso.com")
	got := s.Requests(entratest.Token)
	if len(got) != 1 {
		t.Fatalf("recorded %d", len(got))
	}
	if r := got[0]; r.Method != "POST" || r.Status != 200 || r.User != "AdeleV@contoso.com" || r.Form.Get("code_verifier") != verifier || r.URL.RawQuery != "" {
		t.Errorf("recorded %+v", r)
	}
	if all := s.Requests(); all[0].Endpoint != entratest.Authorize || all[len(all)-1].Endpoint != entratest.Token {
		t.Errorf("in order: %v", all)
	}
	if s.ResetRequests(); len(s.Requests()) != 0 {
		t.Error("ResetRequests left some")
	}
}
