package flow_test

import (
	"cmp"
	"encoding/json"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/sealed"
	"github.com/fibermsal/fibermsal/internal/storedtest"
)

// All fields of data that earlier versions have sealed in browsers are read. Otherwise, sign-ins during
// a deployment could fail or, worse, meet fewer requirements than necessary.
func TestStored_EveryFieldThatEarlierVersionsSealedIsRead(t *testing.T) {
	t.Parallel()
	read := make(map[string]bool)
	for commit, file := range storedtest.Each[storedtest.SignInFile](t, "../..", storedtest.SignIns) {
		ring, err := sealed.NewRing([][]byte{file.Key}, "cookies")
		if err != nil {
			t.Fatal(err)
		}
		for mode, signIns := range file.Modes {
			jar := flow.NewJar(ring, "__Host-fibermsal-", file.ClientID, file.Authority, file.RedirectURI, mode)
			for _, in := range signIns.SignIns {
				t.Run(commit+"/"+mode+"/"+in.Name, func(t *testing.T) { checkStored(t, jar, &in, read) }) //nolint:paralleltest // read
			}
		}
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[flow.Requirements]()) {
		if !read[field.Name] {
			t.Errorf("no file has requirements with %s", field.Name)
		}
	}
}

func checkStored(t *testing.T, jar *flow.Jar, in *storedtest.SignIn, read map[string]bool) {
	t.Helper()
	required := storedRequirements(t, jar, in)
	assertEqual(t, storedtest.Fields(required), in.Requirements)
	for field := range in.Requirements {
		read[field] = true
	}
	for page, exhausted := range in.Tried {
		to, sealed := flow.DestinationOf(page), in.Cookies[jar.TriesName()]
		tries := jar.OpenTries(sealed, in.At)
		if !tries.Has(to) || tries.Exhausted(to) != exhausted {
			t.Errorf("%.20s: %v, exhausted %v", page, tries.Has(to), tries.Exhausted(to))
		}
		if later := jar.OpenTries(sealed, in.At.Add(flow.TriesLifetime+time.Second)); !later.IsEmpty() {
			t.Errorf("%.20s is counted forever", page)
		}
	}
}

// storedRequirements opens the attempt of a sign-in, or the requirements in its login URL.
func storedRequirements(t *testing.T, jar *flow.Jar, in *storedtest.SignIn) flow.Requirements {
	t.Helper()
	u, err := url.Parse(in.LoginURL + in.AuthorizeURL) // one of them
	if err != nil {
		t.Fatal(err)
	}
	if in.LoginURL != "" {
		r, ok := jar.OpenRequirements(u.Query().Get("ask"), in.Session, in.At)
		if !ok {
			t.Error("the requirements do not open")
		}
		return r
	}
	q := u.Query()
	browser := jar.OpenBrowser(in.Cookies[jar.BrowserName()]) // earlier versions had none
	a, ok := jar.Open(q.Get("state"), browser, func(name string) (string, bool) { value, ok := in.Cookies[name]; return value, ok })
	if !ok {
		t.Fatal("the attempt does not open")
	}
	if a.IsForeign() || a.Nonce() != q.Get("nonce") || a.Challenge() != q.Get("code_challenge") {
		t.Error("the attempt derives other values")
	}
	if a.Expired(in.At) || !a.Expired(in.At.Add(flow.Lifetime+time.Second)) {
		t.Error("the attempt expires at another time")
	}
	if to := a.Destination(); to.Path() != in.Path || to.Page() != in.Page || cmp.Or(browser.Session(), a.Replaces()) != in.Replaces {
		t.Errorf("it leads to %q for %q and replaces %q", to.Path(), to.Page(), a.Replaces())
	}
	return a.Requirements()
}

func assertEqual(t *testing.T, got, want map[string]any) {
	t.Helper()
	one, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	other, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if len(got)+len(want) > 0 && string(one) != string(other) {
		t.Errorf("requires %s, and did %s", one, other)
	}
}
