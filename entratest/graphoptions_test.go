package entratest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fibermsal/fibermsal/entratest"
)

func echo(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %s %s", text, r.URL.Path, r.PathValue("id"), body)
	})
}

func TestWithGraph_HandlersServeOtherPartsOfGraph(t *testing.T) {
	t.Parallel()
	s := newServer(t,
		entratest.WithGraph("/me/messages", echo("messages")), entratest.WithGraph("GET me/messages/{id}", echo("one")),
		entratest.WithGraph("/me/manager", echo("own manager")), entratest.WithGraph("/beta/me/profile", echo("beta")),
		entratest.WithGraph("POST /me/drive/", echo("drive")),
	)
	token := "Authorization: Bearer " + s.Issue("AdeleV@contoso.com")
	for path, want := range map[string]string{
		"/me/messages":         "messages /v1.0/me/messages",
		"/me/messages/7?$top=": "one /v1.0/me/messages/7 7",
		"/me/manager":          "own manager /v1.0/me/manager",
		"/../beta/me/profile":  "beta /beta/me/profile",
		"/me":                  `"displayName":"Adele Vance"`,
		"/me/messages/7/x":     "does not serve /me/messages/7/x",
		"/me/drive/root":       "does not serve /me/drive/root",
		"/../beta/me":          "does not serve /beta/me",
	} {
		a := get(t, s, strings.Replace(s.GraphURL+path, "/v1.0/..", "", 1), token)
		if !strings.Contains(a.body, want) || a.Header.Get("request-id") == "" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	if a := post(t, s, s.GraphURL+"/me/drive/root", "content", token, "Content-Type: text/plain"); a.body != "drive /v1.0/me/drive/root  content" {
		t.Errorf("POST: %s", a.body)
	}
	if a := get(t, s, s.GraphURL+"/me/messages"); a.StatusCode != 401 {
		t.Errorf("without a token: %d", a.StatusCode)
	}
	if got := s.Requests(entratest.GraphManager); len(got) != 1 {
		t.Errorf("the endpoint of a replaced path was called %d times", len(got))
	}
}

func TestWithGraph_RefusesPatternsThatAreNone(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]entratest.Option{
		"malformed": {entratest.WithGraph("/me/{", echo(""))},
		"conflict":  {entratest.WithGraph("/me/{a}/x", echo("")), entratest.WithGraph("/me/y/{b}", echo(""))},
		"nil":       {entratest.WithGraph("/me/x", nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if reason := fmt.Sprint(recover()); !strings.Contains(reason, "entratest: WithGraph") {
					t.Errorf("panic %q", reason)
				}
			}()
			entratest.New(opts...)
		})
	}
}

func TestWithGraphFiles_ServesFiles(t *testing.T) {
	t.Parallel()
	const leeID = "e3d0513b-449e-4198-ba6f-bd97ae7cae85"
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	s := newServer(t, entratest.WithGraph("/me/calendar", echo("handler")), entratest.WithGraphFiles(fstest.MapFS{
		"me/messages.json":                       file(`{"value":[]}`),
		"users/AdeleV@contoso.com/messages.json": file(`{"value":["adele"]}`),
		"users/LeeG@contoso.com.json":            file(`{"displayName":"another Lee"}`),
		"users/" + leeID + "/events.json":        file(`{"value":["lee"]}`),
		"me/sendMail.post.json":                  file(""),
		"me/photo/$value.png":                    file("\x89PNG"),
		"me/calendar.json":                       file(`{"from":"file"}`),
		"beta/me/profile.json":                   file(`{"beta":true}`),
		"organization.json":                      file(`{"value":["contoso"]}`),
		"secret.txt":                             file("not served under another name"),
	}))
	adele, lee := "Authorization: Bearer "+s.Issue("AdeleV@contoso.com"), "Authorization: Bearer "+s.Issue("LeeG@contoso.com")
	const odata = "application/json;odata.metadata=minimal"
	for path, want := range map[string]struct{ token, body, kind string }{
		"/me/messages":                   {adele, `{"value":["adele"]}`, odata},
		"/me/messages?$top=1":            {lee, `{"value":[]}`, odata},
		"/me/events":                     {lee, `{"value":["lee"]}`, odata},
		"/users/leeg@contoso.com/events": {adele, `{"value":["lee"]}`, odata},
		"/users/" + leeID:                {adele, `{"displayName":"another Lee"}`, odata},
		"/users/87d349ed-44d7-43e1-9a83-5f2406dee5bd/messages": {lee, `{"value":["adele"]}`, odata},
		"/me":                         {lee, `{"displayName":"another Lee"}`, odata},
		"/me?":                        {adele, `"displayName":"Adele Vance"`, odata},
		"/me/photo/$value":            {lee, "\x89PNG", "image/png"},
		"/me/calendar":                {lee, "handler", ""},
		"/organization":               {lee, "contoso", odata},
		"/me/sendMail":                {lee, "does not serve", ""},
		"/me/messages/../../secret":   {lee, "does not serve /me/messages/../../secret", ""},
		"/users/LeeG@contoso.com/x":   {lee, "Resource not found", ""},
		"/users/AdeleV%40contoso.com": {adele, "Adele Vance", odata},
	} {
		a := get(t, s, s.GraphURL+path, want.token)
		if !strings.Contains(a.body, want.body) || !strings.HasPrefix(a.Header.Get("Content-Type"), want.kind) {
			t.Errorf("%s: %d %v %s", path, a.StatusCode, a.Header, a.body)
		}
	}
	if a := get(t, s, strings.Replace(s.GraphURL, "v1.0", "beta", 1)+"/me/profile", lee); a.body != `{"beta":true}` {
		t.Errorf("beta: %s", a.body)
	}
	if a := post(t, s, s.GraphURL+"/me/sendMail", "{}", lee); a.StatusCode != http.StatusNoContent || a.body != "" {
		t.Errorf("POST: %d %s", a.StatusCode, a.body)
	}
	if a := get(t, s, s.GraphURL+"/me/messages"); a.StatusCode != 401 {
		t.Errorf("without a token: %d", a.StatusCode)
	}
}
