package flow_test

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/flow"
)

// goldenFile contains data that this version seals for browsers, with the fixed key of newJar. A
// version that cannot read it breaks the sign-ins that are in progress when it is deployed.
const goldenFile = "testdata/state-format-1.json"

type golden struct {
	About      string        `json:"about"`
	Browser    string        `json:"browser"`
	Session    string        `json:"session"`
	Resumption string        `json:"resumption"`
	Restarts   int           `json:"restarts"`
	At         time.Time     `json:"at"`
	Attempts   []goldenState `json:"attempts"`
}

type goldenState struct {
	State    string       `json:"state"`
	ID       string       `json:"id"`
	Nonce    string       `json:"nonce"`
	Verifier string       `json:"verifier"`
	Path     string       `json:"path"`
	Page     string       `json:"page"`
	Claims   string       `json:"claims"`
	Cookie   *flow.Cookie `json:"cookie"`
}

func TestStored_StatesOfThisFormatOpen(t *testing.T) {
	t.Parallel()
	jar := newJar(t)
	if os.Getenv("FIBERMSAL_WRITE_STORED") != "" {
		writeGolden(t, jar)
	}
	raw, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	browser := jar.OpenBrowser(g.Browser)
	if browser.IsEmpty() || browser.Session() != g.Session {
		t.Errorf("session %q", browser.Session())
	}
	if n, ok := jar.OpenResumption(g.Resumption, g.At.Add(time.Minute)); !ok || n != g.Restarts {
		t.Errorf("resumed %d times, %v", n, ok)
	}
	for i, want := range g.Attempts {
		cookie := func(name string) (string, bool) {
			if want.Cookie == nil || name != want.Cookie.Name {
				return "", false
			}
			return want.Cookie.Value, true
		}
		a, ok := jar.Open(want.State, browser, cookie)
		if !ok {
			t.Fatalf("attempt %d does not open", i)
		}
		if a.IsForeign() || a.ID() != want.ID || a.Nonce() != want.Nonce || a.Verifier() != want.Verifier || !a.StartedAt().Equal(g.At) || a.Restarts() != g.Restarts {
			t.Errorf("attempt %d has changed", i)
		}
		if to := a.Destination(); to.Path() != want.Path || to.Page() != want.Page || a.Requirements().Claims != want.Claims {
			t.Errorf("attempt %d leads to %.40q for %q and requires %q", i, to.Path(), to.Page(), a.Requirements().Claims)
		}
	}
}

func writeGolden(t *testing.T, jar *flow.Jar) {
	t.Helper()
	g := golden{
		About:   "Attempts, the cookie of their browser and a resumption, sealed with the key of newJar in flow_test.go.",
		Session: "the-session", Restarts: 2, At: time.Now().UTC().Truncate(time.Second),
	}
	b := flow.Browser{}.WithSession(g.Session)
	long := "/" + noise(2000)
	for _, start := range []flow.Start{
		{To: flow.DestinationOf("/reports?a=1&b=2")},
		{To: flow.DestinationOf("/").ForPage("AAAAAAAA"), Requirements: flow.Requirements{Claims: `{"access_token":{"nbf":null}}`}},
		{To: flow.DestinationOf(long)},
	} {
		start.Browser, start.Restarts = b, g.Restarts
		a, next, err := jar.Begin(rand.Reader, g.At, &start)
		if err != nil {
			t.Fatal(err)
		}
		b = next
		g.Attempts = append(g.Attempts, goldenState{a.State(), a.ID(), a.Nonce(), a.Verifier(), a.Destination().Path(), a.Destination().Page(), start.Requirements.Claims, a.Cookie()})
	}
	g.Browser, g.Resumption = jar.SealBrowser(b).Value, jar.SealResumption(g.Restarts, g.At)
	raw, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(goldenFile, append(raw, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

// noise returns text that deflate cannot compress much.
func noise(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw)
	for i := range raw {
		raw[i] = 'a' + raw[i]%26
	}
	return string(raw)
}
