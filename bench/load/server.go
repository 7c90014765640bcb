package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/fibermsal/fibermsal/internal/freeport"
)

// server is a running system with its processes, its Redis and its signed-in users.
type server struct {
	system
	redis     *database
	processes []*process
	clients   []*fasthttp.HostClient // one a process
	shares    bool                   // its Redis, which is another's
	link      *process               // to Redis, if that is not near
	rtt       time.Duration          // of that link
	linked    string                 // its address
	emulator  *emulator
	users     []*visitor
	idle      int64         // bytes resident before the first request
	record    int           // bytes that the floor reads
	calls     atomic.Uint64 // of the API with a new token
	public    string        // the URL that the processes are told
}

// startServer builds and starts a system.
func startServer(ctx context.Context, b *bench, s system) (*server, error) {
	if s.URL != "" {
		return joinServer(s, b)
	}
	redis, err := newDatabase(ctx, b.scratch)
	if err != nil {
		return nil, err
	}
	v := &server{system: s, redis: redis, emulator: b.emulator}
	if err := v.launch(ctx, b, redis.url); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.Name, err), v.stop())
	}
	return v, nil
}

// launch starts the processes.
func (s *server) launch(ctx context.Context, b *bench, redis string) error {
	name, args, err := b.program(ctx, s.system)
	if err != nil {
		return err
	}
	for range max(1, s.Instances) {
		port, _, err := freeport.Claim() // as long as this program runs
		if err != nil {
			return err
		}
		s.public = cmp.Or(s.public, "http://localhost:"+port)
		address := net.JoinHostPort("127.0.0.1", port)
		p, err := launch(ctx, address, b.environment(s.system, port, s.public, redis), s.Dir, name, args...)
		if err != nil {
			return err
		}
		s.processes = append(s.processes, p)
		s.clients = append(s.clients, newClient(address))
	}
	s.idle, err = s.resident()
	return err
}

// joinServer returns a server for a system that is already running.
func joinServer(s system, b *bench) (*server, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	redis, err := theirs(s.Redis)
	if err != nil {
		return nil, err
	}
	v := &server{
		system: s, redis: redis, emulator: b.emulator, public: u.Scheme + "://" + u.Host,
		processes: []*process{{pid: s.PID}}, clients: []*fasthttp.HostClient{newClient(u.Host)},
	}
	v.idle, err = v.resident()
	return v, err
}

func newClient(address string) *fasthttp.HostClient {
	return &fasthttp.HostClient{Addr: address, MaxConns: 16 << 10, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, NoDefaultUserAgentHeader: true}
}

// program returns the command that runs a system.
func (b *bench) program(ctx context.Context, s system) (name string, args []string, err error) {
	if s.Package == "" {
		return s.Command[0], s.Command[1:], nil
	}
	name, err = b.build(ctx, s.Package)
	return name, nil, err
}

// build compiles a program of this module, once.
func (b *bench) build(ctx context.Context, source string) (string, error) {
	file := filepath.Join(b.scratch, strings.ReplaceAll(strings.TrimPrefix(source, "./"), "/", "-"))
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-C", source, "-o", file, ".") // a module of its own, perhaps
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", source, err, out)
	}
	return file, nil
}

// environment returns the variables that package peers and Node read.
func (b *bench) environment(s system, port, public, redis string) []string {
	env := []string{
		"PORT=" + port, "PUBLIC_URL=" + public, "REDIS_URL=" + redis,
		"CLIENT_ID=" + b.emulator.ClientID, "CLIENT_SECRET=" + b.emulator.ClientSecret,
		"AUTHORITY=" + b.emulator.Authority, "TENANT_ID=" + b.emulator.TenantID, "GRAPH_URL=" + b.emulator.GraphURL,
		"KEY=" + base64.StdEncoding.EncodeToString(b.key),
		"CA_FILE=" + b.emulator.caFile, "NODE_EXTRA_CA_CERTS=" + b.emulator.caFile, "NODE_ENV=production",
	}
	if b.options.profile {
		env = append(env, "BENCH_PROFILE=1")
	}
	if s.usesH2() {
		env = append(env, "BENCH_HTTP2=1")
	}
	return env
}

func (s *server) stop() error {
	var err error
	if !s.shares {
		err = s.redis.stop()
	}
	if s.link != nil {
		err = errors.Join(err, s.link.stop())
	}
	for _, p := range s.processes {
		err = errors.Join(err, p.stop())
	}
	return err
}

func (s *server) cpu() (sum time.Duration, err error) {
	for _, p := range s.processes {
		t, failed := p.cpu()
		sum, err = sum+t, errors.Join(err, failed)
	}
	return sum, err
}

// resident is the memory of the largest process.
func (s *server) resident() (most int64, err error) {
	for _, p := range s.processes {
		r, failed := p.resident()
		most, err = max(most, r), errors.Join(err, failed)
	}
	return most, err
}

// visitor is a user's browser, or a client with an access token of the user.
type visitor struct {
	token   string
	id      string // the object id
	login   string
	cookies map[string]string
	header  string // the cookies, as they are sent
}

// keep takes the cookies of an answer.
func (v *visitor) keep(r *fasthttp.Response) {
	r.Header.VisitAllCookie(func(_, line []byte) {
		var c fasthttp.Cookie
		if c.ParseBytes(line) != nil {
			return
		}
		gone := len(c.Value()) == 0 || (!c.Expire().IsZero() && c.Expire().Before(time.Now()) && c.Expire() != fasthttp.CookieExpireUnlimited)
		if name := string(c.Key()); gone {
			delete(v.cookies, name)
		} else {
			v.cookies[name] = string(c.Value())
		}
	})
	var header strings.Builder
	for name, value := range v.cookies {
		if header.Len() > 0 {
			header.WriteString("; ")
		}
		header.WriteString(name + "=" + value)
	}
	v.header = header.String()
}

// send sends a request to one of the server's processes, with the public host, as a load balancer does.
func (s *server) send(instance int, v *visitor, method, target, body string, answer *fasthttp.Response) error {
	r := fasthttp.AcquireRequest()
	defer fasthttp.ReleaseRequest(r)
	client := s.clients[instance%len(s.clients)]
	r.SetRequestURI(cmp.Or(s.public, "http://"+client.Addr) + target)
	r.Header.SetMethod(method)
	r.Header.Set("Sec-Fetch-Site", "none")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	if v.header != "" {
		r.Header.Set("Cookie", v.header)
	}
	if v.token != "" {
		r.Header.Set("Authorization", "Bearer "+v.token)
	}
	if body != "" {
		r.Header.SetContentType("application/x-www-form-urlencoded")
		r.SetBodyString(body)
	}
	return client.Do(r, answer)
}

// enter signs a user in, in a new browser.
func (s *server) enter(instance int, login, id string) (*visitor, error) {
	v := &visitor{id: id, login: login, cookies: map[string]string{}}
	if s.Seed != "" {
		return v, s.seed(v)
	}
	if !s.hasSessions() {
		return v, nil
	}
	answer := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(answer)
	if err := s.send(instance, v, http.MethodGet, s.Login, "", answer); err != nil {
		return nil, err
	}
	v.keep(answer)
	authorize, err := s.emulator.here(string(answer.Header.Peek("Location")))
	if err != nil || authorize.Host == "" {
		return nil, fmt.Errorf("%s answers %d without an authorize URL", s.Login, answer.StatusCode())
	}
	q := authorize.Query()
	q.Set("login_hint", login)
	authorize.RawQuery = q.Encode()
	response, err := s.emulator.SignIn(authorize.String(), login)
	if err != nil {
		return nil, err
	}
	target, body, method := s.Callback, response.Values.Encode(), http.MethodPost
	if response.Mode == "query" {
		target, body, method = target+"?"+body, "", http.MethodGet
	}
	answer.Reset()
	if err := s.send(instance, v, method, target, body, answer); err != nil {
		return nil, err
	}
	v.keep(answer)
	if answer.StatusCode() == http.StatusServiceUnavailable {
		return nil, fmt.Errorf("%w: %.100s", errRefused, answer.Body())
	}
	if status := answer.StatusCode(); status != http.StatusSeeOther && status != http.StatusFound {
		return nil, fmt.Errorf("%s answers %d: %s", s.Callback, status, answer.Body())
	}
	return v, nil
}

// seed passes a token, and the size of other systems' records, to a system without a sign-in.
func (s *server) seed(v *visitor) error {
	form := url.Values{"id": {v.id}, "token": {s.emulator.Issue(v.login, "User.Read")}, "size": {strconv.Itoa(s.record)}}
	answer := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(answer)
	if err := s.send(0, v, http.MethodPost, s.Seed, form.Encode(), answer); err != nil {
		return err
	}
	v.keep(answer)
	if answer.StatusCode() != http.StatusOK {
		return fmt.Errorf("%s answers %d: %s", s.Seed, answer.StatusCode(), answer.Body())
	}
	return nil
}

// errRefused means that the response had status 503.
var errRefused = errors.New("refused")

// get sends a request of a signed-in user. The response must contain the ID of that user.
func (s *server) get(instance int, v *visitor, path string) error {
	answer := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(answer)
	if err := s.send(instance, v, http.MethodGet, path, "", answer); err != nil {
		return err
	}
	if answer.StatusCode() == http.StatusServiceUnavailable {
		return fmt.Errorf("%w: %.100s", errRefused, answer.Body())
	}
	if answer.StatusCode() != http.StatusOK || string(answer.Body()) != v.id {
		return fmt.Errorf("%s answers %d: %.100s", path, answer.StatusCode(), answer.Body())
	}
	return nil
}
