package fibermsal_test

import (
	"os/exec"
	"strings"
	"testing"
)

// Dependencies run one way, see docs/architecture.md. What a package reaches
// through others counts, which a linter of imports does not see.
func TestArrows_DependenciesRunOneWay(t *testing.T) {
	t.Parallel()
	const (
		module = "github.com/fibermsal/fibermsal"
		sdk    = "github.com/microsoftgraph/"
		fiber  = "github.com/gofiber/"
		msal   = "github.com/AzureAD/"
	)
	for pattern, row := range map[string]struct {
		forbidden []string
		why       string
	}{
		".":                      {[]string{sdk, module + "/graph", module + "/entratest"}, "the generated SDK costs minutes to compile, and a library carries no emulator"},
		"./graph":                {[]string{module + "/entratest", sdk + "msgraph-sdk-go$"}, "the whole SDK costs twice the minutes of its users package"},
		"./entratest/...":        {[]string{module + "$", module + "/internal", module + "/graph", fiber, msal, "testing$"}, "the emulator must not share our mistakes"},
		"./internal/browsertest": {[]string{fiber, msal, module + "$", module + "/entratest"}, "a browser knows no application"},
		"./internal/discovery":   {[]string{fiber, msal, module + "$"}, "internal packages are plain logic"},
		"./internal/flow":        {[]string{fiber, msal, module + "$"}, "internal packages are plain logic"},
		"./internal/idtoken":     {[]string{fiber, msal, module + "$"}, "internal packages are plain logic"},
		"./internal/mailaddr":    {[]string{fiber, msal, module + "$"}, "internal packages are plain logic"},
		"./internal/record":      {[]string{fiber, msal, module + "$"}, "internal packages are plain logic"},
		"./internal/redisdial":   {[]string{fiber, msal, module + "$"}, "internal packages are plain logic"},
		"./internal/redact":      {[]string{fiber, msal, module + "$"}, "internal packages are plain logic"},
		"./internal/returnto":    {[]string{fiber, msal, module + "$"}, "internal packages are plain logic"},
		"./internal/sealed":      {[]string{fiber, msal, module + "$"}, "internal packages are plain logic"},
	} {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			out, err := exec.Command("go", "list", "-deps", pattern).Output()
			if err != nil {
				t.Fatal(err)
			}
			for dependency := range strings.FieldsSeq(string(out)) {
				for _, f := range row.forbidden {
					exact, isExact := strings.CutSuffix(f, "$")
					if dependency == exact || (!isExact && strings.HasPrefix(dependency, f)) {
						t.Errorf("depends on %s: %s", dependency, row.why)
					}
				}
			}
		})
	}
}
