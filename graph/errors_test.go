package graph_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

func TestErrors_AreTypedWithStatusAndCode(t *testing.T) {
	t.Parallel()
	html := http.Header{"Content-Type": {"text/html"}}
	for name, tt := range map[string]struct {
		fault  entratest.Fault
		want   error
		status int
		reason string
		odata  bool
	}{
		"401":                       {entratest.Fault{Status: 401, Body: `{"error":{"code":"InvalidAuthenticationToken","message":"Access token has expired or is not yet valid."}}`}, fibermsal.ErrLoginRequired, 401, "InvalidAuthenticationToken", true},
		"403":                       {entratest.Fault{Status: 403, Body: `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}`}, graph.ErrAccessDenied, 403, "Authorization_RequestDenied", true},
		"404":                       {entratest.Fault{Status: 404, Body: `{"error":{"code":"Request_ResourceNotFound","message":"Resource does not exist."}}`}, graph.ErrNotFound, 404, "Request_ResourceNotFound", true},
		"400":                       {entratest.Fault{Status: 400, Body: `{"error":{"code":"BadRequest","message":"Parsing OData Select and Expand failed"}}`}, graph.ErrRefused, 400, "BadRequest", true},
		"409":                       {entratest.Fault{Status: 409, Body: `{"error":{"code":"Conflict","message":"m"}}`}, graph.ErrRefused, 409, "Conflict", true},
		"500":                       {entratest.Fault{Status: 500, Body: `{"error":{"code":"InternalServerError","message":""}}`}, graph.ErrFailed, 500, "InternalServerError", true},
		"503 without retry":         {entratest.Fault{Status: 503, Header: http.Header{"Retry-After": {"60"}}, Body: `{"error":{"code":"serviceNotAvailable","message":"m"}}`}, fibermsal.ErrUnavailable, 503, "serviceNotAvailable", true},
		"empty object":              {entratest.Fault{Status: 400, Body: `{}`}, graph.ErrRefused, 400, "status_400", true},
		"error is null":             {entratest.Fault{Status: 403, Body: `{"error":null}`}, graph.ErrAccessDenied, 403, "status_403", true},
		"error without a message":   {entratest.Fault{Status: 403, Body: `{"error":{"code":"accessDenied"}}`}, graph.ErrAccessDenied, 403, "accessDenied", true},
		"error is a text":           {entratest.Fault{Status: 400, Body: `{"error":"invalid_request"}`}, graph.ErrRefused, 400, "status_400", true},
		"error is a list":           {entratest.Fault{Status: 400, Body: `{"error":[1]}`}, graph.ErrRefused, 400, "status_400", true},
		"message is a number":       {entratest.Fault{Status: 400, Body: `{"error":{"code":"X","message":7}}`}, graph.ErrRefused, 400, "", false},
		"code is an essay":          {entratest.Fault{Status: 400, Body: `{"error":{"code":"` + strings.Repeat("x ", 99) + `","message":"m"}}`}, graph.ErrRefused, 400, "status_400", true},
		"list":                      {entratest.Fault{Status: 404, Body: `[]`}, graph.ErrNotFound, 404, "status_404", true},
		"HTML of a gateway":         {entratest.Fault{Status: 502, Body: `<html>bad gateway</html>`}, graph.ErrFailed, 502, "status_502", false},
		"HTML 401":                  {entratest.Fault{Status: 401, Body: `<html>`}, fibermsal.ErrLoginRequired, 401, "status_401", false},
		"nothing":                   {entratest.Fault{Status: 404}, graph.ErrNotFound, 404, "status_404", false},
		"broken JSON":               {entratest.Fault{Status: 400, Body: `{"error":{`}, graph.ErrRefused, 400, "status_400", false},
		"unquoted claims":           {entratest.Fault{Status: 401, Header: http.Header{"Www-Authenticate": {`Bearer realm="", claims=abc`}}, Body: `{}`}, fibermsal.ErrLoginRequired, 401, "status_401", false},
		"claims that do not decode": {entratest.Fault{Status: 401, Header: http.Header{"Www-Authenticate": {`Bearer claims="%%%"`}}, Body: `{}`}, fibermsal.ErrLoginRequired, 401, "status_401", false},
		"200 with HTML":             {entratest.Fault{Status: 200, Body: `<html>log in to the Wi-Fi</html>`, Header: html}, graph.ErrBadAnswer, 502, "unreadable", false},
		"200 with text":             {entratest.Fault{Status: 200, Body: `hello`}, graph.ErrBadAnswer, 502, "unreadable", false},
		"200 with nothing":          {entratest.Fault{Status: 200}, graph.ErrBadAnswer, 502, "unreadable", false},
		"200 with null":             {entratest.Fault{Status: 200, Body: `null`, Header: http.Header{"Content-Type": {"application/json"}}}, graph.ErrBadAnswer, 502, "unreadable", false},
		"200 with broken JSON":      {entratest.Fault{Status: 200, Body: `{"displayName":`}, graph.ErrBadAnswer, 502, "unreadable", false},
		"dropped":                   {entratest.Fault{Drop: true}, fibermsal.ErrUnavailable, 503, "graph_unreachable", false},
		"cut off":                   {entratest.Fault{Truncate: 20}, fibermsal.ErrUnavailable, 503, "graph_unreachable", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			b := s.signIn(t, adele)
			s.entra.Fault(entratest.GraphMe, tt.fault)
			err := b.failure(me)
			e := asError(t, err)
			if !errors.Is(e, tt.want) || e.Status != tt.status || (e.Reason != tt.reason && tt.reason != "") {
				t.Errorf("got %v, status %d, reason %q", e, e.Status, e.Reason)
			}
			var odata *odataerrors.ODataError
			if found := errors.As(err, &odata); found != tt.odata && tt.reason != "" {
				t.Errorf("an ODataError is there: %t", found)
			}
			if odata != nil {
				if odata.ResponseStatusCode != tt.status {
					t.Errorf("the ODataError has status %d", odata.ResponseStatusCode)
				}
				_ = odata.Error() // must not panic
			}
			var texts []string
			for link := err; link != nil; link = errors.Unwrap(link) {
				texts = append(texts, fmt.Sprintf("%v %+v %#v", link, link, link))
			}
			checkNoSecrets(t, s.entra, append(texts, e.LogValue().String())...)
			got := b.run(me)
			if got.StatusCode != tt.status && tt.fault.Times == 0 {
				t.Errorf("the middleware answered %d", got.StatusCode)
			}
			checkNoSecrets(t, s.entra, got.Text, s.log.String())
			if strings.Contains(got.Text, "graph.entra.test") || strings.Contains(got.Text, "privileges") {
				t.Errorf("the answer tells %q", got.Text)
			}
		})
	}
}

// If a response repeats the request, the token must not get into a log.
func TestErrors_DoNotRepeatATokenThatGraphEchoes(t *testing.T) {
	t.Parallel()
	entra := entratest.New()
	token := entra.Issue(adele)
	entra.Fault(entratest.GraphMe, entratest.Fault{Status: 400, Body: `{"error":{"code":"` + token[:40] + `","message":"Bearer ` + token + `"}}`})
	_, err := graph.MeFor(fixedCredential{entra, token, entra.HTTPClient}).Get(t.Context(), nil)
	e := asError(t, err)
	checkNoSecrets(t, entra, e.Error(), e.Err.Error(), e.LogValue().String())
}

// A handler may return a kind itself, and no kind of the package is one of the core's.
func TestErrors_KindsAreAnsweredWithTheirStatusAndCode(t *testing.T) {
	t.Parallel()
	b := newSite(t, nil).browser(t)
	for kind, want := range map[error]struct {
		code   string
		status int
	}{
		graph.ErrAccessDenied: {"graph_access_denied", 403},
		graph.ErrNotFound:     {"graph_not_found", 404},
		graph.ErrRefused:      {"graph_refused", 400},
		graph.ErrFailed:       {"graph_failed", 502},
		graph.ErrBadAnswer:    {"graph_bad_answer", 502},
		graph.ErrForeignURL:   {"graph_foreign_url", 500},
	} {
		got := b.run(func(*fiber.Ctx) error { return kind })
		if got.StatusCode != want.status || !strings.Contains(got.Text, `"`+want.code+`"`) {
			t.Errorf("%v: got %d %s", kind, got.StatusCode, got.Text)
		}
		for _, other := range []error{fibermsal.ErrForbidden, fibermsal.ErrUnavailable, fibermsal.ErrLoginRequired, fibermsal.ErrRejected} {
			if errors.Is(kind, other) {
				t.Errorf("%v is %v", kind, other)
			}
		}
	}
}

func TestErrors_OfTheCredentialAreUnchanged(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	var direct, through error
	b.run(func(c *fiber.Ctx) error {
		s.entra.Fault(entratest.Token, entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{65001}, Suberror: "consent_required"}})
		through = errOf(graph.Me(c, "Mail.Read").Get(c.UserContext(), nil))
		_, direct = fibermsal.TokenCredential(c).GetToken(c.UserContext(), tokenFor("Mail.Read"))
		return nil
	})
	if !errors.Is(through, fibermsal.ErrConsentRequired) {
		t.Fatalf("got %v", through)
	}
	if a, b := asError(t, through), asError(t, direct); a.Reason != b.Reason || a.Status != b.Status {
		t.Errorf("got %v %q, the credential says %v %q", a, a.Reason, b, b.Reason)
	}
}

func TestErrors_AClaimsChallengeRequiresASignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	s.entra.Fault(entratest.GraphMe, entratest.Fault{Status: 401, Body: `{}`, Header: http.Header{
		"Www-Authenticate": {`Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`},
	}})
	e := asError(t, b.failure(me))
	if !errors.Is(e, fibermsal.ErrClaimsChallenge) {
		t.Errorf("got %v, reason %q", e, e.Reason)
	}
	if n := s.entra.Count(entratest.GraphMe); n != 1 {
		t.Errorf("Graph got %d requests", n)
	}
}

func TestErrors_AreTheSameFromEveryMethod(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	newUser := models.CreateUserFromDiscriminatorValue
	for name, send := range map[string]func(abstractions.RequestAdapter, context.Context) error{
		"Send": func(a abstractions.RequestAdapter, ctx context.Context) error {
			return errOf(a.Send(ctx, meRequest(), newUser, odataMapping))
		},
		"SendEnum": func(a abstractions.RequestAdapter, ctx context.Context) error {
			return errOf(a.SendEnum(ctx, meRequest(), models.ParseBodyType, odataMapping))
		},
		"SendCollection": func(a abstractions.RequestAdapter, ctx context.Context) error {
			return errOf(a.SendCollection(ctx, meRequest(), newUser, odataMapping))
		},
		"SendEnumCollection": func(a abstractions.RequestAdapter, ctx context.Context) error {
			return errOf(a.SendEnumCollection(ctx, meRequest(), models.ParseBodyType, odataMapping))
		},
		"SendPrimitive": func(a abstractions.RequestAdapter, ctx context.Context) error {
			return errOf(a.SendPrimitive(ctx, meRequest(), "string", odataMapping))
		},
		"SendPrimitiveCollection": func(a abstractions.RequestAdapter, ctx context.Context) error {
			return errOf(a.SendPrimitiveCollection(ctx, meRequest(), "string", odataMapping))
		},
		"SendNoContent": func(a abstractions.RequestAdapter, ctx context.Context) error {
			return a.SendNoContent(ctx, meRequest(), odataMapping)
		},
	} {
		for _, body := range []string{`{}`, `{"error":{"code":"X","message":"m"}}`, `<html>`} {
			s.entra.ClearFaults()
			s.entra.Fault(entratest.GraphMe, entratest.Fault{Status: 403, Body: body})
			if err := b.failure(func(c *fiber.Ctx) error { return send(graph.Adapter(c), c.UserContext()) }); !errors.Is(err, graph.ErrAccessDenied) {
				t.Errorf("%s of %s: got %v", name, body, err)
			}
		}
	}
}

func TestErrors_PanicsOfTheSDKAreErrors(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	err := s.signIn(t, adele).failure(func(c *fiber.Ctx) error {
		return errOf(graph.Adapter(c).Send(c.UserContext(), meRequest(), func(serialization.ParseNode) (serialization.Parsable, error) {
			panic("nil pointer")
		}, odataMapping))
	})
	if !errors.Is(err, graph.ErrBadAnswer) {
		t.Errorf("got %v", err)
	}
	if err := s.signIn(t, adele).failure(func(c *fiber.Ctx) error {
		return errOf(graph.Adapter(c).Send(nil, nil, nil, nil)) //nolint:staticcheck // what the test is about
	}); err == nil {
		t.Error("no request, and no error")
	}
}

func errOf(_ any, err error) error { return err }
