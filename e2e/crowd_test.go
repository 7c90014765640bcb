package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// The app's public URL is https, as behind a proxy that terminates TLS. The test acts as that proxy, so
// cookies are as in production, and responses arrive by form_post.
const crowdURL = "https://app.example"

// crowd is many users of one app.
type crowd struct {
	t    *testing.T
	idp  *entratest.Server
	key  sealingKey
	log  logbook
	http *http.Client

	members []*member
	bodies  logbook // of all answers, with where they lead
	dialed  atomic.Int64
	checked atomic.Int64
	wrong   atomic.Int64
	// complete counts sessions with data of Graph about their user.
	complete atomic.Int64

	gate chan struct{} // opened when all handlers have returned
	late sync.WaitGroup
}

// member is one user with a browser.
type member struct {
	entratest.User
	session string
	flow    *http.Cookie // while signing in
	spent   string       // its value
}

func newCrowd(t *testing.T, redis *redistest.Server) *crowd {
	t.Helper()
	c := &crowd{t: t, key: newSealingKey(), gate: make(chan struct{})}
	people := make([]entratest.User, crowdSize)
	for i := range people {
		people[i] = entratest.User{
			ID:  fmt.Sprintf("00000000-0000-4000-8000-%012d", i),
			UPN: fmt.Sprintf("user%04d@contoso.com", i), Mail: fmt.Sprintf("mail%04d@contoso.com", i),
			DisplayName: fmt.Sprintf("User %04d of the crowd", i),
			Photo:       portrait(t, i),
			ManagerID:   fmt.Sprintf("00000000-0000-4000-8000-%012d", (i+1)%crowdSize),
		}
		c.members = append(c.members, &member{User: people[i]})
	}
	c.idp = entratest.New(entratest.WithUsers(people...), entratest.WithRedirectURI(crowdURL+"/user/authorized"))
	t.Cleanup(func() { _ = c.idp.Close() })
	c.serve(redis)
	return c
}

// portrait returns a picture with the user's number in a comment, so that all pictures differ.
func portrait(t *testing.T, number int) []byte {
	t.Helper()
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	comment := fmt.Sprintf("portrait %04d", number)
	segment := append([]byte{0xff, 0xfe, 0, byte(len(comment) + 2)}, comment...)
	start, rest := picture.Bytes()[:2], picture.Bytes()[2:]
	return bytes.Join([][]byte{start, segment, rest}, nil)
}

// serve runs an app on a real socket.
func (c *crowd) serve(redis *redistest.Server) {
	c.t.Helper()
	// Redis is fast, but this process may be too busy to read its replies for some time.
	storage, err := fibermsal.RedisStorage(redis.URL + "?read_timeout=20s&write_timeout=20s&pool_timeout=20s&dial_timeout=20s&pool_size=32")
	if err != nil {
		c.t.Fatal(err)
	}
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10, DisableStartupMessage: true})
	app.Use(fibermsal.New(fibermsal.Config{
		ClientID: c.idp.ClientID, ClientSecret: c.idp.ClientSecret, Authority: c.idp.Authority, GraphURL: c.idp.GraphURL,
		HTTPClient: c.idp.HTTPClient, PublicURL: crowdURL, Storage: storage, Keys: [][]byte{c.key},
		Logger:   slog.New(slog.NewJSONHandler(&c.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnSignIn: graph.Profile,
	}))
	fibermsal.RegisterRoutes(app, graph.Routes())
	app.Get("/api/me", fibermsal.Require(), c.serveMe)
	app.Get("/late", fibermsal.Require(), c.serveLate)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(l) }()

	transport := &http.Transport{
		MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			c.dialed.Add(1)
			return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
		},
	}
	c.http = &http.Client{Transport: transport, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	c.t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := app.ShutdownWithTimeout(patience); err != nil {
			c.t.Errorf("shutting down: %v", err)
		}
		if err := <-served; err != nil {
			c.t.Errorf("serving: %v", err)
		}
		if err := storage.Close(); err != nil {
			c.t.Errorf("closing the storage: %v", err)
		}
	})
}

// serveMe responds with the user of Graph and of the token.
func (c *crowd) serveMe(ctx *fiber.Ctx) error {
	me, err := graph.Me(ctx).Get(ctx.UserContext(), nil)
	if err != nil {
		return err
	}
	token, err := fibermsal.TokenCredential(ctx).GetToken(ctx.UserContext(), policy.TokenRequestOptions{})
	if err != nil {
		return err
	}
	owner, _ := c.idp.TokenUser(token.Token)
	return ctx.JSON(fiber.Map{"id": me.GetId(), "displayName": me.GetDisplayName(), "mail": me.GetMail(), "token": owner})
}

// serveLate uses a handler's objects after the handler has returned, when Fiber already uses the
// request for another user (threat H2).
func (c *crowd) serveLate(ctx *fiber.Ctx) error {
	caller := strings.Clone(ctx.Get("X-Caller"))
	user, _ := fibermsal.FromContext(ctx)
	credential := fibermsal.TokenCredential(ctx)
	c.late.Go(func() {
		<-c.gate
		token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{})
		owner, _ := c.idp.TokenUser(token.Token)
		c.check("after the handler returned", err == nil && user.Username == caller && owner == caller, caller,
			fmt.Sprintf("%s, token of %s, %v", user.Username, owner, err))
	})
	return ctx.SendString(user.Username)
}

// each calls a function for all members in random order, with several workers.
func (c *crowd) each(do func(*member)) {
	c.t.Helper()
	queue := make(chan *member, crowdSize)
	for _, i := range rand.Perm(crowdSize) {
		queue <- c.members[i]
	}
	close(queue)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for m := range queue {
				do(m)
			}
		})
	}
	all.Wait()
	if c.wrong.Load() > 0 {
		c.t.FailNow() // every further answer would be wrong, too
	}
}

// check counts a response. Only the first few wrong ones are logged.
func (c *crowd) check(what string, right bool, caller, got string) {
	c.checked.Add(1)
	if !right && c.wrong.Add(1) <= 10 {
		c.t.Errorf("%s for %s: %s", what, caller, got)
	}
}

// do sends a request as a member.
func (c *crowd) do(m *member, r *http.Request) (*http.Response, string) {
	r.URL.Scheme, r.URL.Host = "http", "app.example" // TLS ends here
	r.Header.Set("X-Caller", m.UPN)
	if m.session != "" {
		r.AddCookie(&http.Cookie{Name: "__Host-fibermsal", Value: m.session})
	}
	if m.flow != nil {
		r.AddCookie(&http.Cookie{Name: m.flow.Name, Value: m.flow.Value})
	}
	resp, err := c.http.Do(r)
	if err != nil {
		c.check(r.URL.Path, false, m.UPN, err.Error())
		return &http.Response{}, ""
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.check(r.URL.Path, false, m.UPN, err.Error())
	}
	_, _ = fmt.Fprintf(&c.bodies, "%s\n%s\n", resp.Header.Get("Location"), body)
	return resp, string(body)
}

func (c *crowd) get(m *member, path string) (*http.Response, string) {
	r, err := http.NewRequest(http.MethodGet, crowdURL+path, http.NoBody)
	if err != nil {
		panic(err) // the paths are constants
	}
	resp, body := c.do(m, r)
	if set := resp.Header.Values("Set-Cookie"); m.session != "" && len(set) > 0 {
		c.check("cookies of "+path, false, m.UPN, fmt.Sprint(set))
	}
	return resp, body
}

func (c *crowd) signIn(m *member) {
	resp, body := c.get(m, "/user/login")
	if cookies := resp.Cookies(); resp.StatusCode == http.StatusSeeOther && len(cookies) == 1 {
		m.flow, m.spent = cookies[0], cookies[0].Value
	} else {
		c.check("login", false, m.UPN, fmt.Sprint(resp.StatusCode, cookies, body))
		return
	}
	answer, err := c.idp.SignIn(resp.Header.Get("Location"), m.UPN)
	if err != nil {
		c.check("signing in at the emulator", false, m.UPN, err.Error())
		return
	}
	resp, body = c.do(m, answer.Request())
	for _, cookie := range resp.Cookies() {
		if cookie.Name == "__Host-fibermsal" {
			m.session = cookie.Value
		}
	}
	m.flow = nil
	c.check("sign-in", resp.StatusCode == http.StatusSeeOther && m.session != "", m.UPN, fmt.Sprint(resp.StatusCode, body))
}

// checkAll sends all requests whose response depends on the user.
func (c *crowd) checkAll(m *member) {
	for _, i := range rand.Perm(5) {
		switch i {
		case 0:
			c.checkInfo(m)
		case 1:
			c.checkJSON(m, "/api/me", map[string]any{
				"id": m.ID, "displayName": m.DisplayName, "mail": m.Mail, "token": m.UPN,
			})
		case 2:
			c.checkJSON(m, "/user/manager", map[string]any{"id": m.ManagerID})
		case 3:
			resp, body := c.get(m, "/user/photo")
			c.check("photo", resp.StatusCode == http.StatusOK && body == string(m.Photo), m.UPN, fmt.Sprintf("%d %.80q", resp.StatusCode, body))
		case 4:
			resp, body := c.get(m, "/late")
			c.check("late", resp.StatusCode == http.StatusOK && body == m.UPN, m.UPN, fmt.Sprintf("%d %s", resp.StatusCode, body))
		}
	}
}

// checkInfo accepts sessions without data of graph.Profile, because it waits for two seconds at most
// and this machine may be busy.
func (c *crowd) checkInfo(m *member) {
	resp, body := c.get(m, "/user/info")
	var got struct {
		UPN, OID, TID, Name, Mail string
		Manager                   struct{ ID string }
	}
	err := json.Unmarshal([]byte(body), &got)
	right := resp.StatusCode == http.StatusOK && err == nil &&
		got.UPN == m.UPN && got.OID == m.ID && got.TID == c.idp.TenantID && got.Name == m.DisplayName &&
		(got.Mail == "" || got.Mail == m.Mail) && (got.Manager.ID == "" || got.Manager.ID == m.ManagerID)
	if got.Mail != "" && got.Manager.ID != "" {
		c.complete.Add(1)
	}
	c.check("/user/info", right, m.UPN, fmt.Sprintf("%d %s", resp.StatusCode, body))
}

func (c *crowd) checkJSON(m *member, path string, want map[string]any) {
	resp, body := c.get(m, path)
	var got map[string]any
	right := json.Unmarshal([]byte(body), &got) == nil && resp.StatusCode == http.StatusOK
	for name, value := range want {
		right = right && got[name] == value
	}
	c.check(path, right, m.UPN, fmt.Sprintf("%d %s", resp.StatusCode, body))
}

func (c *crowd) checkAfterwards() {
	c.t.Helper()
	close(c.gate)
	c.late.Wait()
}

// search searches for data that must not be found.
func (c *crowd) search(redis *redistest.Server) {
	c.t.Helper()
	secrets, issued := newCanaries(), c.idp.Secrets()
	if len(issued) < 5*crowdSize { // code, verifier and three tokens
		c.t.Errorf("the emulator knows of %d secrets only", len(issued))
	}
	secrets.add("a token, code, verifier or secret", issued...)
	secrets.add("the key", c.key.base64(), string(c.key))
	for _, m := range c.members {
		secrets.add("a session cookie", m.session)
		secrets.add("a sign-in cookie", m.spent)
	}
	found := secrets.search(c.t, "the log", []byte(c.log.String()))
	found += secrets.search(c.t, "an answer", []byte(c.bodies.String()))

	// Responses may contain names of users. Redis must not contain them.
	for _, m := range c.members {
		secrets.add("somebody's id", m.ID)
		secrets.add("somebody's sign-in name", m.UPN)
		secrets.add("somebody's mail address", m.Mail)
		secrets.add("somebody's name", m.DisplayName)
	}
	// The written commands include data that was removed later. Dump fails for keys that never expire.
	stored := append(redis.Dump(), redis.Written()...)
	found += secrets.search(c.t, "Redis", stored)
	c.t.Logf("searched for %d pieces: %d kB of Redis, %d kB of log, %d kB of answers",
		len(secrets.pieces), len(stored)>>10, len(c.log.String())>>10, len(c.bodies.String())>>10)
	figure.Report(c.t, figure.Figure{Row: "R19", Name: "pieces of secrets found in logs, answers and Redis", Value: fmt.Sprintf("%d of %d", found, len(secrets.pieces))})
	figure.Report(c.t, figure.Figure{Row: "R19", Name: "text searched", Value: fmt.Sprintf("%d kB", (len(stored)+len(c.log.String())+len(c.bodies.String()))>>10)})
	if keys := len(redis.Keys()); keys < 2*crowdSize {
		c.t.Errorf("%d keys in Redis, want two records of each of %d users", keys, crowdSize)
	}
	if strings.Contains(c.log.String(), `"level":"ERROR"`) || strings.Contains(c.log.String(), `"level":"WARN"`) {
		c.t.Errorf("the log complains:\n%.2000s", c.log.String())
	}
}
