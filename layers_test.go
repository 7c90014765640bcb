package fibermsal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/structure"
)

// layers lists directories from the highest layer to the lowest. A package may import packages of its
// own layer and of lower layers. A directory inside a listed one belongs to the same layer, unless it
// is listed itself.
var layers = [][]string{
	{"docs"},                 // tests that compare the documents with the sources
	{"internal/nethttpface"}, // the face for net/http: only its own tests import it
	{"internal/naive"},       // an app without the library: only tests, which measure it
	{"cmd", "examples", "v3/examples", "internal/scorecard", "internal/mutants", "internal/fuzz"},
	{"entratest"}, // an app's tests and programs use it, but nothing below
	{".", "v3"},
	{"embedded"},
	{"graph"},
	{"entra"},
	{"internal/web"},
	{"internal/api"},
	{"internal/signin"},
	{"internal/token"},
	{"internal/session"},
	{"internal/authority"},
	{"internal/telemetry"},
	{"internal/autherr", "internal/msalcache", "internal/parallel"},
	plainLogic,
}

var plainLogic = []string{
	"internal/aadsts", "internal/accesstoken", "internal/background", "internal/browsertest", "internal/discovery", "internal/faultproxy",
	"internal/figure", "internal/filestore",
	"internal/fiberv3", "internal/flight", "internal/flow", "internal/freeport", "internal/generated", "internal/hardware", "internal/idtoken", "internal/jws", "internal/mailaddr", "internal/markup", "internal/memlimit", "internal/outbound", "internal/pack",
	"internal/phrases",
	"internal/rawjson", "internal/record", "internal/redact", "internal/redisclient", "internal/redisdial", "internal/redislog", "internal/redistest",
	"internal/retryqueue", "internal/returnto", "internal/sealed", "internal/sessionmodel", "internal/storagefile", "internal/storedtest", "internal/structure", "internal/supply", "internal/tokencache",
	"internal/turn",
	"internal/codeblock", "internal/firstminutes", // about the documents
}

const (
	modulePath = "github.com/fibermsal/fibermsal"
	sdk        = "github.com/microsoftgraph"
	gofiber    = "github.com/gofiber"
	fiberPath  = gofiber + "/fiber"
	fasthttp   = "github.com/valyala/fasthttp"
	msal       = "github.com/AzureAD"
	bbolt      = "go.etcd.io/bbolt"

	// They call methods by name, so the linker keeps the exported methods of all types.
	htmlTemplate = "html/template"
	textTemplate = "text/template"
	whyTemplates = "it doubles the size of an app, see TestApps_LetTheLinkerDropMethods in bench/buildcost"
)

// unreachable lists import paths that the packages of some directories must not depend on, directly or
// indirectly. A directory or path includes those below it, unless it ends with $.
var unreachable = []struct {
	from  []string
	paths []string
	why   string
}{
	{
		[]string{".", "v3$"},
		[]string{sdk, modulePath + "/graph", modulePath + "/entratest"},
		"the generated SDK costs minutes to compile, and a library carries no emulator",
	},
	{
		[]string{"graph"},
		[]string{modulePath + "/entratest", sdk + "/msgraph-sdk-go$"},
		"the whole SDK costs twice the minutes of its users package",
	},
	{
		[]string{"entratest"},
		[]string{
			modulePath + "$", modulePath + "/v3", modulePath + "/entra", modulePath + "/internal", modulePath + "/graph",
			gofiber, msal, "testing$",
		},
		"the emulator must not share our mistakes",
	},
	{
		[]string{"internal/nethttpface"},
		[]string{fiberPath, fasthttp, modulePath + "$", modulePath + "/v3", modulePath + "/entratest"},
		"it proves that the core needs no framework",
	},
	{[]string{"entra", "graph", "internal"}, []string{fiberPath, fasthttp}, "the core works under any web framework"},
	{[]string{".", "v3$", "entra", "graph", "entratest"}, []string{bbolt, modulePath + "/embedded"}, "apps on Redis or in memory must not contain a database"},
	{[]string{"entra", "graph", "embedded", "internal", "cmd/fibermsal"}, []string{htmlTemplate, textTemplate}, whyTemplates},
	{plainLogic, []string{gofiber, msal, modulePath + "$"}, "plain logic knows neither Fiber nor MSAL"},
}

// arrow is a dependency of the package in a directory: on another directory, or on
// an import path.
type arrow struct{ from, to string }

// Dependencies have one direction, see docs/architecture.md. Indirect dependencies are checked as well,
// which a linter of imports does not do.
func TestStructure_DependenciesPointDownwards(t *testing.T) {
	t.Parallel()
	packages := listPackages(t)
	forbidden := map[arrow]string{}
	for _, p := range packages {
		upward(t, p, packages, forbidden)
		reaching(p, forbidden)
		templating(p, forbidden)
	}
	for a, why := range forbidden {
		t.Errorf("%s must not depend on %s: %s", a.from, a.to, why)
	}
}

// upward adds the imports of a package that point to higher layers.
func upward(t *testing.T, p listed, packages map[string]listed, forbidden map[arrow]string) {
	t.Helper()
	own := layerOf(p.dir)
	if own < 0 {
		t.Errorf("give %s a place in the layers", p.dir)
		return
	}
	for _, imported := range p.Imports {
		if to, ok := packages[imported]; ok && layerOf(to.dir) < own {
			forbidden[arrow{p.dir, to.dir}] = "that is a higher layer"
		}
	}
}

// layerOf returns the layer of the nearest directory that has one, and -1 if there
// is none.
func layerOf(dir string) int {
	layer, length := -1, 0
	for i, dirs := range layers {
		for _, d := range dirs {
			if within(d, dir) && len(d) > length {
				layer, length = i, len(d)
			}
		}
	}
	return layer
}

// within reports whether a directory is another, or inside of it. The root of the
// repository includes no other.
func within(parent, dir string) bool {
	return dir == parent || strings.HasPrefix(dir, parent+"/")
}

// reaching adds the forbidden paths that a package depends on.
func reaching(p listed, forbidden map[arrow]string) {
	for _, rule := range unreachable {
		if !slices.ContainsFunc(rule.from, func(parent string) bool { return matches(parent, p.dir) }) {
			continue
		}
		for _, path := range rule.paths {
			if slices.ContainsFunc(p.Deps, func(dependency string) bool { return matches(path, dependency) }) {
				forbidden[arrow{p.dir, path}] = rule.why
			}
		}
	}
}

// templating adds the imports of templates by the root packages. Fiber imports them, too, but only in
// methods that the linker removes.
func templating(p listed, forbidden map[arrow]string) {
	for _, path := range []string{htmlTemplate, textTemplate} {
		if (p.dir == "." || p.dir == "v3") && slices.Contains(p.Imports, path) {
			forbidden[arrow{p.dir, path}] = whyTemplates
		}
	}
}

// matches reports whether a directory or an import path is one of unreachable.
func matches(pattern, path string) bool {
	if exact, isExact := strings.CutSuffix(pattern, "$"); isExact {
		return path == exact
	}
	return within(pattern, path)
}

// listed is a package as `go list` sees it.
type listed struct {
	dir             string // relative to the repository
	Dir, ImportPath string
	Imports, Deps   []string
}

// listPackages lists the packages of all modules by import path.
func listPackages(t *testing.T) map[string]listed {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string]listed{}
	for _, module := range structure.Published(".") {
		list := exec.Command("go", "list", "-json=Dir,ImportPath,Imports,Deps", "./...")
		list.Dir, list.Stderr = module, os.Stderr
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(out))
		for {
			var p listed
			if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			relative, err := filepath.Rel(root, p.Dir)
			if err != nil {
				t.Fatal(err)
			}
			p.dir = filepath.ToSlash(relative)
			packages[p.ImportPath] = p
		}
	}
	return packages
}
