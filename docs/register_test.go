package docs_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// az replaces the Azure CLI. It records the requests that would be sent, and responds as Entra would.
const az = `#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in
rest*) cat >"$BODY"; echo 00001111-aaaa-2222-bbbb-3333cccc4444 ;;
*"credential reset"*) echo 'secret~1$' ;;
*"account show"*) echo aaaabbbb-0000-cccc-1111-dddd2222eeee ;;
esac
`

// The script in docs/entra-setup.md creates the same registration as the steps there. Only a real
// tenant could show that Entra accepts it.
func TestRegisterApp_SendsARegistration(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"bash", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s here", program)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "az"), []byte(az), 0o700); err != nil {
		t.Fatal(err)
	}
	body := filepath.Join(dir, "body")
	script, err := filepath.Abs(filepath.Join(root, "scripts/register-app"))
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "bash", script, `My "app"`, "https://app.example.com/", "/portal")
	command.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "BODY="+body, "CALLS="+filepath.Join(dir, "calls"))
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	checkEnvironment(t, string(output))
	checkRegistration(t, body)
}

func checkEnvironment(t *testing.T, output string) {
	t.Helper()
	for _, line := range []string{
		"FIBERMSAL_CLIENT_ID=00001111-aaaa-2222-bbbb-3333cccc4444", "FIBERMSAL_CLIENT_SECRET='secret~1$'",
		"FIBERMSAL_TENANT_ID=aaaabbbb-0000-cccc-1111-dddd2222eeee", "FIBERMSAL_PUBLIC_URL=https://app.example.com", "FIBERMSAL_BASE_PATH=/portal",
	} {
		if !slices.Contains(strings.Split(output, "\n"), line) {
			t.Errorf("%q is missing in %q", line, output)
		}
	}
	if !strings.Contains(output, "FIBERMSAL_KEYS=") {
		t.Error("there are no keys")
	}
}

func checkRegistration(t *testing.T, file string) {
	t.Helper()
	sent, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var app struct {
		DisplayName string
		Web         struct {
			RedirectURIs []string
			LogoutURL    string
		}
		OptionalClaims struct{ IDToken []struct{ Name string } }
	}
	if err := json.Unmarshal(sent, &app); err != nil {
		t.Fatalf("%v: %s", err, sent)
	}
	if app.DisplayName != `My "app"` || app.Web.LogoutURL != "https://app.example.com/portal/user/frontchannel-logout" ||
		!slices.Equal(app.Web.RedirectURIs, []string{"https://app.example.com/portal/user/authorized", "https://app.example.com/portal/"}) {
		t.Errorf("%+v", app)
	}
	documented := map[string]bool{}
	for _, row := range rows(t, "docs/entra-setup.md", "## Step by step") {
		documented[codes(row[0])[0]] = true
	}
	for _, claim := range app.OptionalClaims.IDToken {
		if !documented[claim.Name] {
			t.Errorf("the claim %s is not in the document", claim.Name)
		}
	}
}
