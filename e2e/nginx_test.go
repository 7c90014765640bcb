package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

// nginx is a reverse proxy in front of an app, for which it has a location of docs/production.md, and
// otherwise the defaults of the program.
type nginx struct {
	*process
	dir string
}

// nginxPath skips the test where there is no nginx. Debian installs it where only root looks.
func nginxPath(t *testing.T) string {
	t.Helper()
	return redistest.Program(t, "nginx", "/usr/sbin/nginx")
}

// The icon of the host is what browsers ask for besides, when they show JSON.
const nginxConfig = `daemon off; master_process off; pid nginx.pid; error_log stderr warn;
events {}
http {
	log_format asked '$status $request_uri'; access_log access.log asked;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	server {
		listen 127.0.0.1:%s%s
		location = /favicon.ico { access_log off; return 204; }
		%s
	}
}
`

// startNginx runs a proxy at a site, in front of a port.
func startNginx(t *testing.T, s site, location, port string) *nginx {
	t.Helper()
	location = strings.Replace(location, "127.0.0.1:3000", "127.0.0.1:"+port, 1)
	listening := ";"
	if s.cert != nil {
		listening = fmt.Sprintf(" ssl http2; ssl_certificate %s; ssl_certificate_key %s;", s.cert.certFile, s.cert.keyFile)
	}
	config := writeFile(t, "nginx.conf", fmt.Appendf(nil, nginxConfig, s.port, listening, location))
	program := &program{file: nginxPath(t)}
	program.once.Do(func() {}) // it is built
	dir := filepath.Dir(config)
	n := &nginx{process: run(t, program, nil, "-e", "stderr", "-p", dir, "-c", config), dir: dir}
	n.await("serving", func() bool { return accepts("127.0.0.1:" + s.port) })
	return n
}

// requests are those that arrived, as status and URI.
func (n *nginx) requests() []string {
	n.t.Helper()
	log, err := os.ReadFile(filepath.Join(n.dir, "access.log"))
	if err != nil {
		n.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(log)), "\n")
}

// refusedByNginx are the statuses of requests and responses that do not fit its buffers, and of those
// that reach no app.
var refusedByNginx = regexp.MustCompile(`^(400|414|431|494|499|502|504) `)

// checkRequests looks at all that a browser has requested: everything is below a path, and passed on.
func (n *nginx) checkRequests(base string) {
	n.t.Helper()
	requests := n.requests()
	for _, request := range requests {
		if _, uri, _ := strings.Cut(request, " "); uri != base && !strings.HasPrefix(uri, base+"/") {
			n.t.Errorf("a request not below %s: %.200s", base, request)
		}
		if refusedByNginx.MatchString(request) {
			n.t.Errorf("not passed on: %.200s", request)
		}
	}
	if len(requests) < 10 {
		n.t.Errorf("only %d requests", len(requests))
	}
	if said := n.stderr.String(); strings.Contains(said, "[error]") {
		n.t.Errorf("nginx says:\n%s", said)
	}
}

var location = regexp.MustCompile(`(?m)^    location (?:.*\n)(?:     .*\n)*    }\n`)

// documentedLocations are the two that docs/production.md shows: one strips the base path, the other
// keeps it.
func documentedLocations(t *testing.T) (strips, keeps string) {
	t.Helper()
	document, err := os.ReadFile("../docs/production.md")
	if err != nil {
		t.Fatal(err)
	}
	found := location.FindAllString(string(document), -1)
	if len(found) != 2 {
		t.Fatalf("locations in docs/production.md: %q", found)
	}
	return found[0], found[1]
}
