package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The quick starts of the READMEs, as whole programs, sign a user in.
func TestQuickStart_GreetsTheUser(t *testing.T) {
	t.Parallel()
	for name, module := range map[string]string{"Fiber v2": "", "Fiber v3": "v3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "http")
			startProgram(t, quickStart(t, module, s.port), s, emulatorProcessFor(t, s))
			c := newClient(t, s)
			if home := c.get("/"); home.StatusCode != http.StatusOK || !strings.Contains(home.body, "/user/login?to=/") {
				t.Errorf("home before the sign-in: %d %s", home.StatusCode, home.body)
			}
			if hello := c.get("/hello"); hello.StatusCode != http.StatusUnauthorized {
				t.Errorf("before the sign-in: %d %s", hello.StatusCode, hello.body)
			}
			c.signIn(adele.login)
			hello := c.get("/hello")
			if hello.StatusCode != http.StatusOK || hello.json(t)["hello"] != adele.name {
				t.Errorf("after the sign-in: %d %s", hello.StatusCode, hello.body)
			}
			if home := c.get("/"); !strings.Contains(home.body, "signed in as "+adele.name) || !strings.Contains(home.body, `method="post" action="/user/logout"`) {
				t.Errorf("home after the sign-in: %d %s", home.StatusCode, home.body)
			}
		})
	}
}

// quickStart is the program with another port, because a test cannot rely on 3000.
func quickStart(t *testing.T, module, port string) *program {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("..", module, "examples/minimal/main.go"))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const usual = `app.Listen(":3000")`
	if strings.Count(string(source), usual) != 1 {
		t.Fatalf("%s does not contain %s once", file, usual)
	}
	changed := writeFile(t, "main.go", []byte(strings.ReplaceAll(string(source), usual, `app.Listen("127.0.0.1:`+port+`")`)))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		t.Fatal(err)
	}
	return &program{module: module, source: "./examples/minimal", overlay: writeFile(t, "overlay.json", overlay)}
}
