package bench

import (
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// patience is how long a peer may take to start and to stop on a busy machine.
const patience = 60 * time.Second

// peer is one of the servers below peers/ that are measured against each other.
// They do the same and differ in where people sign in.
type peer struct {
	name             string // of the directory
	signIn, callback string // paths
	typed            bool   // asks Graph by the typed SDK as well
}

var peers = []peer{
	{name: "msal-node", signIn: "/auth/signin", callback: "/auth/redirect"},
}

// What is measured is comparable only if every peer does it, and does no more.
func TestPeers_SignInAndReadGraph(t *testing.T) {
	t.Parallel()
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			origin := "http://localhost:" + port
			idp := listen(t, origin+p.callback)
			p.start(t, port, idp)

			adele := newBrowser(t, origin)
			adele.signIn(p, idp, "AdeleV@contoso.com")
			for path, graphCalls := range p.routes() {
				adele.see(path, oidOf(t, idp, "AdeleV@contoso.com"))
				newBrowser(t, origin).seeNobody(path)
				// By now all metadata is fetched and the token is in the cache.
				graph, all := idp.Count(entratest.GraphMe), len(idp.Requests())
				adele.get(path)
				graph, all = idp.Count(entratest.GraphMe)-graph, len(idp.Requests())-all
				if graph != graphCalls || all != graphCalls {
					t.Errorf("%s makes %d calls, %d of them of /me; want %d", path, all, graph, graphCalls)
				}
			}
		})
	}
}

// routes are the measured paths, with how often each asks Graph and so Microsoft.
func (p peer) routes() map[string]int {
	routes := map[string]int{"/session": 0, "/graph": 1}
	if p.typed {
		routes["/typed"] = 1
	}
	return routes
}

// listen starts the emulator for an app with this redirect URI.
func listen(t *testing.T, redirectURI string) *entratest.Server {
	t.Helper()
	idp := entratest.New(entratest.WithRedirectURI(redirectURI))
	if err := idp.Listen(entratest.ListenConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	return idp
}

func oidOf(t *testing.T, idp *entratest.Server, upn string) string {
	t.Helper()
	for _, user := range idp.Users() {
		if user.UPN == upn {
			return user.ID
		}
	}
	t.Fatalf("nobody is called %s", upn)
	return ""
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String()) // the address of a listener has a port
	return port
}

// start runs the peer on a Redis of its own until it accepts connections, and ends
// it with the test as an operator does.
func (p peer) start(t *testing.T, port string, idp *entratest.Server) {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, idp.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := p.command(t)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(),
		"PORT=" + port, "PUBLIC_URL=http://localhost:" + port, "REDIS_URL=" + redistest.Start(t).URL,
		"CLIENT_ID=" + idp.ClientID, "CLIENT_SECRET=" + idp.ClientSecret,
		"AUTHORITY=" + idp.Authority, "GRAPH_URL=" + idp.GraphURL, "CA_FILE=" + ca,
		"NODE_ENV=production", "NODE_EXTRA_CA_CERTS=" + ca,
	}
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	redistest.DieWithTest(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // what matters is in ProcessState
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-ended:
			if !cmd.ProcessState.Success() {
				t.Errorf("%s ended by SIGTERM: %v", p.name, cmd.ProcessState)
			}
		case <-time.After(patience):
			t.Errorf("%s goes on after SIGTERM", p.name)
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	awaitServing(t, "127.0.0.1:"+port, ended)
}

// command is how the peer is started: MSAL Node by node, the others by what go makes
// of them.
func (p peer) command(t *testing.T) *exec.Cmd {
	t.Helper()
	dir := filepath.Join("peers", p.name)
	if _, err := os.Stat(filepath.Join(dir, "server.mjs")); err != nil {
		binary := filepath.Join(t.TempDir(), p.name)
		if out, err := exec.Command("go", "build", "-o", binary, "./"+dir).CombinedOutput(); err != nil {
			t.Fatalf("go build ./%s: %v\n%s", dir, err, out)
		}
		return exec.Command(binary)
	}
	cmd := exec.Command(redistest.Node(t, dir), "server.mjs")
	cmd.Dir = dir
	return cmd
}

// awaitServing waits until something accepts connections.
func awaitServing(t *testing.T, address string, ended <-chan struct{}) {
	t.Helper()
	deadline := time.After(patience)
	for {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-ended:
			t.Fatal("it ended before it served")
		case <-deadline:
			t.Fatalf("it does not serve after %v: %v", patience, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// browser keeps cookies and follows no redirect.
type browser struct {
	t      *testing.T
	origin string
	client *http.Client
}

func newBrowser(t *testing.T, origin string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{
		Jar:           jar,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       patience,
	}
	return &browser{t: t, origin: origin, client: client}
}

// page is an answer that was read.
type page struct {
	status                      int
	location, contentType, body string
}

func (b *browser) get(path string) page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.origin+path, http.NoBody)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(req)
}

func (b *browser) do(req *http.Request) page {
	b.t.Helper()
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{resp.StatusCode, resp.Header.Get("Location"), resp.Header.Get("Content-Type"), string(body)}
}

// signIn goes to the sign-in page and back.
func (b *browser) signIn(p peer, idp *entratest.Server, upn string) {
	b.t.Helper()
	start := b.get(p.signIn)
	if start.status != http.StatusFound {
		b.t.Fatalf("%s: %d %s", p.signIn, start.status, start.body)
	}
	answer, err := idp.SignIn(start.location, upn)
	if err != nil {
		b.t.Fatal(err)
	}
	if answer.Mode != "query" {
		b.t.Errorf("response_mode is %s", answer.Mode)
	}
	home := b.do(answer.Request())
	if home.status != http.StatusFound && home.status != http.StatusSeeOther || home.location != "/" {
		b.t.Fatalf("%s: %d to %q %s", p.callback, home.status, home.location, home.body)
	}
}

func (b *browser) see(path, oid string) {
	b.t.Helper()
	got := b.get(path)
	if got.status != http.StatusOK || got.body != oid || !strings.HasPrefix(got.contentType, "text/plain") {
		b.t.Errorf("%s: %d, %s, %q, want %q", path, got.status, got.contentType, got.body, oid)
	}
}

func (b *browser) seeNobody(path string) {
	b.t.Helper()
	if got := b.get(path); got.status != http.StatusUnauthorized {
		b.t.Errorf("%s without a session: %d", path, got.status)
	}
}
