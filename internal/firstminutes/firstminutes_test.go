package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The documents have everything that a newcomer types, for both versions of Fiber.
func TestRead_FindsEverythingInTheDocuments(t *testing.T) {
	t.Parallel()
	for version, api := range map[string]string{fiberV2: "c *fiber.Ctx", fiberV3: "c fiber.Ctx"} {
		guide, err := read("../..", version)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []struct{ text, contains string }{
			{guide.clone, publishedClone},
			{guide.example, "./examples/fiber-app"},
			{guide.create, "go mod init "},
			{guide.replace, pathOfClone + "/v3"},
			{guide.get, "go mod tidy"},
			{guide.emulator, "-redirect-uri http://localhost:3000/user/authorized -redirect-uri "},
			{guide.run, "go run -v ."},
			{guide.test, "go test -v"},
			{guide.program, api},
			{guide.program, `app.Listen(":3000")`},
			{guide.program, `app.Get("/hello", fibermsal.Require()`},
			{guide.firstTest, api},
			{guide.firstTest, "entratest.SignInTo("},
		} {
			if !strings.Contains(part.text, part.contains) {
				t.Errorf("%s: %q does not contain %q", version, part.text, part.contains)
			}
		}
	}
}

func TestDocument_SaysWhatItLacks(t *testing.T) {
	t.Parallel()
	page := &document{name: "page.md", text: "    go run .\n    go run . -v\n"}
	if got := page.command("go run ."); got != "" {
		t.Errorf("found %q", got)
	}
	page.code(fiberV3, "func main()")
	want := "page.md: 2 commands that begin with go run ., want 1\npage.md: 0 files for Fiber v3 with func main(), want 1"
	if page.lacks == nil || page.lacks.Error() != want {
		t.Errorf("%v", page.lacks)
	}
}

// A module proxy that knows no module of this project passes the other requests on.
func TestUnpublished_KnowsNoModuleOfThisProject(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.EscapedPath()) }))
	t.Cleanup(other.Close)
	address, stop, err := unpublished(t.Context(), other.URL+",direct")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	for path, want := range map[string]int{
		"/github.com/fibermsal/fibermsal/graph/@v/list": http.StatusNotFound, "/github.com/!azure/azure-sdk/@v/list": http.StatusOK,
	} {
		response, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != want || want == http.StatusOK && string(body) != path {
			t.Errorf("%s: %d %q %v", path, response.StatusCode, body, err)
		}
	}
	if same, _, err := unpublished(t.Context(), "off"); same != "off" || err != nil {
		t.Errorf("%q, %v", same, err)
	}
}

func TestTable_HasARowForEachWalk(t *testing.T) {
	t.Parallel()
	var walks []*walk
	for _, version := range []string{fiberV3, fiberV2} {
		for cache, took := range map[string]time.Duration{empty: 185 * time.Second, again: 1540 * time.Millisecond} {
			w := &walk{version: version, title: toSignedInPage, cache: cache, out: io.Discard}
			w.steps = []step{{"git clone", 0}, {"go run", took}}
			walks = append(walks, w)
		}
	}
	if walks[0].cache != empty {
		walks[0], walks[1] = walks[1], walks[0]
	}
	want := "| | steps | an empty build cache | the second time |\n|---|---|---|---|\n" +
		"| Fiber v3, from a clone to a signed-in page | 2 | 3 min 5 s | 1.5 s |\n" +
		"| Fiber v2, from a clone to a signed-in page | 2 | 3 min 5 s | 1.5 s |\n"
	if got := tableOf(walks); got != want {
		t.Errorf("%s", got)
	}
}

func TestReplaceTable_ReplacesWhatIsBetweenTheMarkers(t *testing.T) {
	t.Parallel()
	got, err := replaceTable("before\n"+tableStart+"old\n"+tableEnd+"\nafter", "new\n")
	if want := "before\n" + tableStart + "new\n" + tableEnd + "\nafter"; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := replaceTable("before\nafter", "new\n"); err == nil {
		t.Error("a document without markers is accepted")
	}
}

func TestReadable_IsForPeople(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		340 * time.Millisecond: "0.3 s", 12*time.Second + 600*time.Millisecond: "13 s", 59*time.Second + 700*time.Millisecond: "1 min 0 s", 200 * time.Second: "3 min 20 s",
	} {
		if got := readable(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestOptions_ContradictionsAreErrors(t *testing.T) {
	t.Parallel()
	for _, o := range []options{{write: true, only: "v2"}, {only: "v1"}} {
		if got, err := o.versions(); err == nil {
			t.Errorf("%+v: %v", o, got)
		}
	}
	if got, err := (options{write: true, cold: true}).versions(); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWalk_CountsItsSteps(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	w := &walk{title: toSignedInPage, out: &out}
	if err := w.step("go run "+strings.Repeat("x", stepWidth), func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.step("go test", func() error { return io.EOF }); err == nil || !strings.Contains(err.Error(), "step 2, go test: EOF") {
		t.Errorf("%v", err)
	}
	if len(w.steps) != 1 || !strings.Contains(out.String(), "  1. go run x") || !strings.Contains(out.String(), "…") {
		t.Errorf("%q", out.String())
	}
}
