package graph_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

// The generated code returns nil without an error, and its callers dereference it.
func TestSDK_AnEmptyAnswerIsAnErrorWhereAnObjectIsExpected(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(w http.ResponseWriter){
		"200":            func(w http.ResponseWriter) { w.WriteHeader(200) },
		"200 of JSON":    func(w http.ResponseWriter) { answerJSON(w, 200, "") },
		"200 with null":  func(w http.ResponseWriter) { answerJSON(w, 200, "null") },
		"200, untyped":   func(w http.ResponseWriter) { w.Header()["Content-Type"] = nil; _, _ = w.Write([]byte(`{"value":[]}`)) },
		"201":            func(w http.ResponseWriter) { w.WriteHeader(201) },
		"204":            func(w http.ResponseWriter) { w.WriteHeader(204) },
		"200 with a tab": func(w http.ResponseWriter) { answerJSON(w, 200, "\t") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRecorder(t, func(_ int, w http.ResponseWriter, _ *http.Request) { answer(w) })
			credential := g.credential()
			calls := map[string]error{
				"POST": checkGroups(t.Context(), graph.AdapterFor(credential)),
				"GET":  errOf(graph.MeFor(credential).Get(t.Context(), nil)),
				"Call": graph.Call(t.Context(), graph.AdapterFor(credential), http.MethodPost, "/me/checkMemberGroups", map[string]any{}, new(json.RawMessage)),
			}
			_, calls["Groups"] = graph.Groups(t.Context(), credential, []string{"11111111-0000-0000-0000-000000000001"})
			for call, err := range calls {
				if call == "Call" && (name == "200, untyped" || name == "200 with null") {
					continue // an answer
				}
				if !errors.Is(err, graph.ErrBadAnswer) {
					t.Errorf("%s: got %v", call, err)
				}
			}
		})
	}
}

func TestSDK_ChangesAndOrdersHaveNoObject(t *testing.T) {
	t.Parallel()
	for method, status := range map[abstractions.HttpMethod]int{abstractions.PATCH: 204, abstractions.PUT: 200, abstractions.DELETE: 204, abstractions.POST: 202} {
		g := newRecorder(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		info := postRequest()
		info.Method = method
		if object, err := graph.AdapterFor(g.credential()).Send(t.Context(), info, models.CreateUserFromDiscriminatorValue, nil); object != nil || err != nil {
			t.Errorf("%s: got %v, %v", method, object, err)
		}
	}
}

func TestSDK_PageIteratorKeepsGraphsError(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	s.entra.Fault(entratest.GraphOther, entratest.Fault{Status: 403, Body: `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges"}}`})
	err := b.failure(func(c *fiber.Ctx) error {
		page := models.NewUserCollectionResponse()
		page.SetValue([]models.Userable{models.NewUser()})
		next := s.entra.GraphURL + "/users?$skiptoken=x"
		page.SetOdataNextLink(&next)
		pages, err := core.NewPageIterator[models.Userable](page, graph.Adapter(c), models.CreateUserCollectionResponseFromDiscriminatorValue)
		if err != nil {
			return err
		}
		return pages.Iterate(c.UserContext(), func(models.Userable) bool { return true })
	})
	checkKept(t, err, graph.ErrAccessDenied, 403, "Authorization_RequestDenied")
}

// checkKept checks that an error is the library's and the SDK's.
func checkKept(t *testing.T, err, kind error, status int, code string) {
	t.Helper()
	var odata *odataerrors.ODataError
	if e := asError(t, err); !errors.Is(err, kind) || e.Status != status || e.Reason != code || !errors.As(err, &odata) {
		t.Errorf("got %v, %+v", err, e)
	}
	if odata == nil {
		return
	}
	if got := odata.GetErrorEscaped().GetCode(); odata.ResponseStatusCode != status || code != "" && !strings.HasPrefix(code, "status_") && (got == nil || *got != code) {
		t.Errorf("the ODataError has status %d", odata.ResponseStatusCode)
	}
	_ = odata.Error() // must not panic
}

func TestSDK_BatchesKeepGraphsErrors(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.signIn(t, adele).run(func(c *fiber.Ctx) error {
		adapter := graph.Adapter(c)
		batch := core.NewBatchRequest(adapter)
		parts := map[string]string{}
		for _, path := range []string{"/me", "/nothing", "/users/nobody@contoso.com"} {
			info := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(abstractions.GET, "{+baseurl}"+path, map[string]string{})
			item, err := batch.AddBatchRequestStep(*info)
			if err != nil {
				t.Fatal(err)
			}
			parts[path] = *item.GetId()
		}
		answers, err := batch.Send(c.UserContext(), adapter)
		if err != nil {
			t.Fatalf("%v: %v", err, errors.Unwrap(err))
		}
		user, err := core.GetBatchResponseById[models.Userable](answers, parts["/me"], models.CreateUserFromDiscriminatorValue)
		if err != nil || *user.GetDisplayName() != "Adele Vance" {
			t.Errorf("got %v", err)
		}
		_, err = core.GetBatchResponseById[models.Userable](answers, parts["/nothing"], models.CreateUserFromDiscriminatorValue)
		checkKept(t, err, graph.ErrRefused, 400, "BadRequest")
		_, err = core.GetBatchResponseById[models.Userable](answers, parts["/users/nobody@contoso.com"], models.CreateUserFromDiscriminatorValue)
		if e := asError(t, err); e.Status < 400 || e.Reason == "" {
			t.Errorf("got %+v", e)
		}
		return nil
	})
	s.entra.Fault(entratest.GraphBatch, entratest.Fault{Status: 403, Body: `{"error":{"code":"accessDenied"}}`})
	err := s.signIn(t, adele).failure(func(c *fiber.Ctx) error {
		batch := core.NewBatchRequest(graph.Adapter(c))
		if _, err := batch.AddBatchRequestStep(*meRequest()); err != nil {
			return err
		}
		return errOf(batch.Send(c.UserContext(), graph.Adapter(c)))
	})
	checkKept(t, err, graph.ErrAccessDenied, 403, "accessDenied")
}

// Parts may fail without a body, a message or a type.
func TestSDK_PartsOfABatchFailInOddWays(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		part   string
		kind   error
		status int
		code   string
	}{
		"no body":    {`{"id":"1","status":404}`, graph.ErrNotFound, 404, "status_404"},
		"no message": {`{"id":"1","status":403,"headers":{"Content-Type":"application/json"},"body":{"error":{"code":"accessDenied"}}}`, graph.ErrAccessDenied, 403, "accessDenied"},
		"no type":    {`{"id":"1","status":401,"body":{"error":{"code":"InvalidAuthenticationToken","message":"m"}}}`, fibermsal.ErrLoginRequired, 401, "InvalidAuthenticationToken"},
		"busy":       {`{"id":"1","status":429,"headers":{"Retry-After":"7"},"body":{"error":{"code":"TooManyRequests","message":"m"}}}`, fibermsal.ErrUnavailable, 429, "TooManyRequests"},
		"broken":     {`{"id":"1","status":500,"headers":{"content-type":"text/plain"},"body":{}}`, graph.ErrFailed, 500, "status_500"},
	} {
		g := newRecorder(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
			answerJSON(w, 200, `{"responses":[`+row.part+`]}`)
		})
		adapter := graph.AdapterFor(g.credential())
		batch := core.NewBatchRequest(adapter)
		if _, err := batch.AddBatchRequestStep(*meRequest()); err != nil {
			t.Fatal(err)
		}
		answers, err := batch.Send(t.Context(), adapter)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, err = core.GetBatchResponseById[models.Userable](answers, "1", models.CreateUserFromDiscriminatorValue)
		checkKept(t, err, row.kind, row.status, row.code)
	}
}

// Microsoft's support asks for these IDs.
func TestSDK_IDsOfACallReachTheLog(t *testing.T) {
	t.Parallel()
	const diagnostic = `{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5","ScaleUnit":"002","RoleInstance":"AM4PEPF000278F2"}}`
	header := http.Header{"Request-Id": {"11111111-aaaa"}, "Client-Request-Id": {"22222222-bbbb"}, "X-Ms-Ags-Diagnostic": {diagnostic}}
	for name, row := range map[string]struct {
		fault entratest.Fault
		want  []string
	}{
		"in headers":    {entratest.Fault{Status: 500, Header: header, Body: `<html>`}, []string{"11111111-aaaa", "22222222-bbbb", "AM4PEPF000278F2"}},
		"without JSON":  {entratest.Fault{Status: 503, Header: header}, []string{"11111111-aaaa", "22222222-bbbb", "AM4PEPF000278F2"}},
		"of a bad 200":  {entratest.Fault{Status: 200, Header: header, Body: `<html>`}, []string{"11111111-aaaa", "22222222-bbbb", "AM4PEPF000278F2"}},
		"of a redirect": {entratest.Fault{Status: 302, Header: header}, []string{"11111111-aaaa", "22222222-bbbb", "AM4PEPF000278F2"}},
		"in innerError": {entratest.Fault{Status: 403, Body: `{"error":{"code":"c","message":"m","innerError":{"request-id":"33333333-cccc","client-request-id":"44444444-dddd"}}}`}, []string{"33333333-cccc", "44444444-dddd"}},
		"in innererror": {entratest.Fault{Status: 403, Body: `{"error":{"code":"c","message":"m","innererror":{"request-id":"33333333-cccc","client-request-id":"44444444-dddd"}}}`}, []string{"33333333-cccc", "44444444-dddd"}},
		"innermost":     {entratest.Fault{Status: 409, Body: `{"error":{"code":"c","message":"m","innererror":{"code":"x","innererror":{"request-id":"33333333-cccc"}}}}`}, []string{"33333333-cccc"}},
		"not answered":  {entratest.Fault{Drop: true}, []string{"client-request-id"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			b := s.signIn(t, adele)
			s.entra.Fault(entratest.GraphMe, row.fault)
			b.run(me)
			for _, want := range row.want {
				if !strings.Contains(s.log.String(), want) {
					t.Errorf("%s is not in the log:\n%s", want, s.log)
				}
			}
		})
	}
}

func TestSDK_IDsAreRedacted(t *testing.T) {
	t.Parallel()
	g := newRecorder(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Request-Id", "token-of-somebody Bearer "+strings.Repeat("x", 60))
		answerJSON(w, 403, `{}`)
	})
	_, err := graph.MeFor(g.credential()).Get(t.Context(), nil)
	text := fmt.Sprint(slog.AnyValue(asError(t, err)).Resolve())
	if strings.Contains(text, strings.Repeat("x", 60)) {
		t.Errorf("%s", text)
	}
}
