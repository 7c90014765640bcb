package fibermsal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/structure"
)

// fuzzed lists the kinds of external input, with their fuzz targets as directory:target.
var fuzzed = map[string][]string{
	"callbacks":               {".:FuzzCallback", "internal/flow:FuzzParseResponse", "internal/flow:FuzzOpen", "internal/flow:FuzzSealedContents"},
	"session cookies":         {".:FuzzSessionCookie"},
	"records":                 {"internal/record:FuzzStoredValue", "internal/record:FuzzListed", "internal/session:FuzzSessionRecord", "internal/token:FuzzOutcomeRecord", "internal/tokencache:FuzzParse", "internal/sealed:FuzzOpen", "internal/pack:FuzzUnpack"},
	"ID tokens":               {"internal/idtoken:FuzzVerify", "internal/idtoken:FuzzSignedClaims"},
	"access tokens":           {"internal/accesstoken:FuzzVerify", "internal/jws:FuzzMembers", "internal/api:FuzzTokenOf"},
	"signing keys":            {"internal/idtoken:FuzzKeys"},
	"OpenID configurations":   {"internal/discovery:FuzzConfiguration"},
	"token responses":         {"internal/authority:FuzzTokenResponse"},
	"MSAL caches, merged":     {"internal/tokencache:FuzzMerged"},
	"return paths":            {"internal/returnto:FuzzClean"},
	"mail addresses":          {"internal/mailaddr:FuzzNormalize"},
	"Redis URLs":              {"internal/redisclient:FuzzNew"},
	"languages of users":      {"internal/phrases:FuzzPreferred"},
	"the environment":         {"entra:FuzzConfigFromEnv"},
	"Graph's answers":         {"graph:FuzzAnswers", "graph:FuzzJSONParser"},
	"problems and pages":      {"internal/web:FuzzProblem", "internal/markup:FuzzWriter"},
	"JSON and texts for logs": {"internal/rawjson:FuzzObject", "internal/redact:FuzzText", "internal/pack:FuzzPack"},
}

// `make fuzz` runs every target, and `go test` runs the stored inputs. Each target must have some.
func TestStructure_FuzzTargetsHaveCorpora(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, targets := range fuzzed {
		for _, target := range targets {
			listed[target] = true
		}
	}
	targets, err := structure.FuzzTargets(".")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, target := range targets {
		found[target.Dir+":"+target.Name] = true
	}
	for target := range listed {
		if !found[target] {
			t.Errorf("there is no %s", target)
		}
	}
	for target := range found {
		if !listed[target] {
			t.Errorf("%s fuzzes nothing that is listed", target)
		}
		dir, name, _ := strings.Cut(target, ":")
		files, err := filepath.Glob(filepath.Join(dir, "testdata/fuzz", name, "*"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) < 3 {
			t.Errorf("%s has %d inputs: run it, and scripts/keep-corpus", target, len(files))
		}
		for _, file := range files {
			if content, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(content, []byte("go test fuzz v1\n")) {
				t.Errorf("%s is no input: %v", file, err)
			}
		}
	}
}
