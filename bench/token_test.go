package bench

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// BenchmarkToken measures getting one user's access token from different places. from=memory is the
// call alone, without a request. from=storage is the first request after a restart. from=entra is a
// request with an expired token; its own-ns/op is the time without the emulator, which is also measured
// alone. from=recording is the same with recorded responses of the emulator, so that only the library
// and MSAL are measured.
func BenchmarkToken(b *testing.B) {
	b.Run("app=fibermsal/from=memory", warmToken)
	b.Run("app=msal/client=each/from=memory", func(b *testing.B) { msalToken(b, false) })
	b.Run("app=msal/client=kept/from=memory", func(b *testing.B) { msalToken(b, true) })
	b.Run("app=fibermsal/from=storage", func(b *testing.B) { eachStorage(b, coldToken) })
	b.Run("app=fibermsal/from=entra", func(b *testing.B) { eachStorage(b, expiredToken) })
	b.Run("app=fibermsal/from=recording", func(b *testing.B) { eachStorage(b, recordedToken) })
	b.Run("app=emulator/from=entra", func(b *testing.B) {
		idp := newEntra(b)
		refreshToken := signInAlone(b, idp, idp.Users()[0].UPN).RefreshToken
		b.ReportAllocs()
		for b.Loop() {
			grant(b, idp, url.Values{
				"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}, "scope": {"openid profile offline_access User.Read"},
			})
		}
	})
}

// warmCredential returns the credential of an ended request whose token is cached.
func warmCredential(tb testing.TB) azcore.TokenCredential {
	tb.Helper()
	idp := newEntra(tb)
	var credential azcore.TokenCredential
	s := newOurs(tb, ours(idp, nil), func(c *fiber.Ctx) error {
		credential = fibermsal.TokenCredential(c)
		return useToken(c)
	})
	s.admit(tb, idp, ourLogin)
	s.expectTokens(tb, idp)
	s.sendOnce(tb, s.visitors[0])
	return credential
}

func warmToken(b *testing.B) {
	credential := warmCredential(b)
	want, err := credential.GetToken(b.Context(), policy.TokenRequestOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if got, err := credential.GetToken(b.Context(), policy.TokenRequestOptions{}); err != nil || got.Token != want.Token {
			b.Fatal(err)
		}
	}
}

// msalToken measures MSAL's silent call with a record in memory, with a new client for each call or
// with a shared one. There is only one user, so the shared client works.
func msalToken(b *testing.B, kept bool) {
	b.Helper()
	idp := newEntra(b)
	accessor := &partitions{storage: session.New().Storage, key: "one"}
	client, err := newMSALClient(idp, accessor)
	if err != nil {
		b.Fatal(err)
	}
	user := idp.Users()[0].UPN
	account := redeem(b, idp, client, user)
	b.ReportAllocs()
	var result confidential.AuthResult
	for b.Loop() {
		if !kept {
			if client, err = newMSALClient(idp, accessor); err != nil {
				b.Fatal(err)
			}
		}
		if result, err = client.AcquireTokenSilent(b.Context(), userRead, confidential.WithSilentAccount(account)); err != nil {
			b.Fatal(err)
		}
	}
	if owner, _ := idp.TokenUser(result.AccessToken); owner != user {
		b.Fatalf("the token is %q's", owner)
	}
}

// coldToken sends requests to an app that has just been started with the records of another one.
func coldToken(b *testing.B, storage fiber.Storage) {
	b.Helper()
	idp := newEntra(b)
	if storage == nil {
		storage = session.New().Storage // our own memory is gone with the Auth
	}
	s := newOurs(b, ours(idp, storage), useToken)
	s.admit(b, idp, ourLogin)
	s.expectTokens(b, idp)
	v, before := s.visitors[0], idp.Count(entratest.Token)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		restarted, stop := startOurs(b, ours(idp, storage), useToken)
		handler, ctx := restarted.app.Handler(), v.request()
		b.StartTimer()
		if !v.send(handler, ctx) {
			b.Fatalf("status %d", ctx.Response.StatusCode())
		}
		b.StopTimer()
		stop()
		b.StartTimer()
	}
	if idp.Count(entratest.Token) != before {
		b.Fatal("Entra was called")
	}
}

// expiredToken sends requests with tokens whose lifetime is shorter than the required remaining
// lifetime.
func expiredToken(b *testing.B, storage fiber.Storage) {
	b.Helper()
	idp := newEntra(b, entratest.WithAccessTokenLifetime(10*time.Second))
	s := newOurs(b, ours(idp, storage), useToken)
	v := visitor{cookies: signIn(b, s.app, idp, ourLogin, idp.Users()[0].UPN)}
	handler, ctx, last := s.app.Handler(), v.request(), ""
	before, requests := idp.Count(entratest.Token), 0
	idp.worked.Store(0)
	b.ReportAllocs()
	for b.Loop() {
		requests++
		if v.send(handler, ctx); ctx.Response.StatusCode() != fiber.StatusOK || string(ctx.Response.Body()) == last {
			b.Fatalf("status %d, or the token before", ctx.Response.StatusCode())
		}
		last = string(ctx.Response.Body())
	}
	if calls := idp.Count(entratest.Token) - before; calls != requests {
		b.Fatalf("%d token calls for %d requests", calls, requests)
	}
	idp.reportOwn(b, requests)
}

// recording responds to all calls of the token endpoint with Entra's response to the first one.
type recording struct {
	http.RoundTripper

	answer []byte
	calls  int
}

// RoundTrip implements http.RoundTripper.
func (r *recording) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodPost {
		return r.RoundTripper.RoundTrip(request)
	}
	r.calls++
	if r.answer == nil {
		answer, err := r.RoundTripper.RoundTrip(request)
		if err != nil {
			return nil, err
		}
		defer func() { _ = answer.Body.Close() }()
		if r.answer, err = io.ReadAll(answer.Body); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: request,
		Body: io.NopCloser(bytes.NewReader(r.answer)), ContentLength: int64(len(r.answer)),
	}, nil
}

// recordedToken is like expiredToken, but with recorded responses. It reports the processor time of the
// process, which is the same on a busy machine.
func recordedToken(b *testing.B, storage fiber.Storage) {
	b.Helper()
	idp := newEntra(b, entratest.WithAccessTokenLifetime(10*time.Second))
	cfg := ours(idp, storage)
	recorded := &recording{RoundTripper: idp.HTTPClient.Transport}
	cfg.HTTPClient = &http.Client{Transport: recorded}
	s := newOurs(b, cfg, useToken)
	v := visitor{cookies: signIn(b, s.app, idp, ourLogin, idp.Users()[0].UPN)}
	recorded.answer, recorded.calls = nil, 0 // that of a renewal
	handler, ctx, requests := s.app.Handler(), v.request(), 0
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		requests++
		if v.send(handler, ctx); ctx.Response.StatusCode() != fiber.StatusOK {
			b.Fatalf("status %d", ctx.Response.StatusCode())
		}
	}
	b.ReportMetric(float64(processorTime(b)-before)/float64(requests), "cpu-ns/op")
	if recorded.calls != requests {
		b.Fatalf("%d token calls for %d requests", recorded.calls, requests)
	}
}
