package nethttpface_test

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
	"github.com/fibermsal/fibermsal/internal/nethttpface"
)

const muxURL = "https://mux.example"

// muxBrowser is a browser on an app whose router is an *http.ServeMux, with a route of another
// package.
func muxBrowser(t *testing.T) (*browsertest.Browser, *entratest.Server) {
	t.Helper()
	idp := entratest.New(entratest.WithRedirectURI(muxURL + "/user/authorized"))
	t.Cleanup(func() { _ = idp.Close() })
	service, err := entra.Open(entra.Config[*nethttpface.Context]{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority, HTTPClient: idp.HTTPClient, PublicURL: muxURL,
	}, entra.Process{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Close() })
	mux := http.NewServeMux()
	nethttpface.RegisterRoutes(mux, service.RoutePrefix(), entra.Routes{{Path: "/upn", Serve: serveUPN}})
	mux.Handle("/guarded", nethttpface.Require(func(c *nethttpface.Context) error {
		user, _ := entra.FromContext(c)
		_, err := c.W.Write([]byte("hello " + user.Username))
		return err
	}, entra.Any(entra.HasRole[*nethttpface.Context]("none"), entra.All[*nethttpface.Context]())))
	auth := &nethttpface.Auth{Service: service, Failed: failed}
	return browsertest.New(t, browsertest.Handler(auth.Middleware(mux)), muxURL), idp
}

func serveUPN(c entra.Locals, _ func(string) string) (*entra.Reply, error) {
	user, ok := entra.FromContext(c)
	if !ok {
		return nil, entra.ErrLoginRequired
	}
	return &entra.Reply{Status: http.StatusOK, Body: []byte(user.Username)}, nil
}

func TestServeMux_SignsIn(t *testing.T) {
	t.Parallel()
	b, idp := muxBrowser(t)
	toLogin := b.Navigate("/guarded")
	response, err := idp.SignIn(b.Navigate(toLogin.Location()).Location(), idp.Users()[0].UPN)
	if err != nil {
		t.Fatal(err)
	}
	if back := b.Send(response.Request()); back.StatusCode != http.StatusSeeOther || back.Location() != "/guarded" {
		t.Fatalf("%d to %q: %s", back.StatusCode, back.Location(), back.Text)
	}
	if a := b.Navigate("/guarded"); a.Text != "hello "+idp.Users()[0].UPN {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
	if a := b.Get("/user/upn"); a.Text != idp.Users()[0].UPN {
		t.Errorf("a route of another package: %d %s", a.StatusCode, a.Text)
	}
}

// *http.ServeMux serves HEAD by the handlers of GET, so the routes refuse it themselves.
func TestA15_ServeMuxRefusesHEAD(t *testing.T) {
	t.Parallel()
	b, idp := muxBrowser(t)
	for _, path := range []string{"/user/login", "/user/authorized", "/user/logout", "/user/info", "/user/frontchannel-logout"} {
		a := b.Send(browsertest.Navigation(http.MethodHead, muxURL, path, ""))
		if a.StatusCode != http.StatusMethodNotAllowed || len(a.Cookies()) > 0 {
			t.Errorf("%s: %d, cookies %v", path, a.StatusCode, a.Cookies())
		}
	}
	if calls := len(idp.Requests()); calls > 0 {
		t.Errorf("%d calls to Entra", calls)
	}
}

func TestStructure_NoFrameworkIsReached(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "-test", "./internal/nethttpface").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for path := range strings.Lines(string(out)) {
		if strings.HasPrefix(path, "github.com/gofiber/fiber") || strings.HasPrefix(path, "github.com/valyala/fasthttp") {
			t.Errorf("these tests reach %s", path)
		}
	}
}
