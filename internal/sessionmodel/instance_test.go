package sessionmodel_test

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	core "github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/nethttpface"
)

const (
	origin        = "https://app.example"
	redirectURI   = origin + "/user/authorized"
	sessionCookie = "__Host-fibermsal"
)

// instance is a process of the app, with its connections to the storage and to Entra.
type instance struct {
	index      int
	stage      int // of the rotation of keys
	connection *connection
	auth       *nethttpface.Auth
	handler    http.Handler
	underWay   sync.WaitGroup // work, for which a deployment waits
	startedAt  time.Time
}

// timeouts are those of a Config.
type timeouts struct{ idle, absolute time.Duration }

// start starts a process. It has the keys of a stage of the rotation.
func start(index, stage int, keys [][]byte, c *cluster, e *entra, t timeouts) (*instance, error) {
	i := &instance{index: index, stage: stage, connection: c.connect(), startedAt: time.Now()}
	service, err := core.Open(core.Config[*nethttpface.Context]{
		ClientID: e.idp.ClientID, ClientSecret: e.idp.ClientSecret, Authority: e.idp.Authority, GraphURL: e.idp.GraphURL,
		HTTPClient: &http.Client{Transport: &link{e, i.connection}}, PublicURL: origin,
		Storage: storage{i.connection}, Keys: keys,
		IdleTimeout: t.idle, AbsoluteTimeout: t.absolute, CacheMegabytes: 256,
		Logger: slog.New(slog.DiscardHandler),
	}, core.Process{})
	if err != nil {
		return nil, err
	}
	i.auth = &nethttpface.Auth{Service: service, Failed: failed}
	i.handler = i.auth.Middleware(pagesFor(e))
	return i, nil
}

// failed answers an error of a page.
func failed(c *nethttpface.Context, _ error) {
	http.Error(c.W, "failed", http.StatusInternalServerError)
}

// pagesFor are the app's pages: /who answers with the user, and /token with the owner of the user's token.
func pagesFor(e *entra) http.Handler {
	mux := http.NewServeMux()
	nethttpface.RegisterRoutes(mux, "/user")
	mux.Handle("GET /who", nethttpface.Require(func(c *nethttpface.Context) error {
		u, _ := core.FromContext(c)
		_, err := io.WriteString(c.W, u.Username)
		return err
	}))
	mux.Handle("GET /token", nethttpface.Handler(func(c *nethttpface.Context) error {
		token, err := core.TokenCredential(c).GetToken(c.R.Context(), policy.TokenRequestOptions{})
		if err == nil {
			_, err = io.WriteString(c.W, e.ownerOf(token.Token))
		}
		return err
	}))
	return mux
}

// jar has the cookies of a browser.
type jar map[string]string

// get sends a request of the app's own pages.
func (i *instance) get(path string, cookies jar) *httptest.ResponseRecorder {
	return i.send(newRequest(http.MethodGet, path), cookies)
}

func newRequest(method, path string) *http.Request {
	u, err := url.Parse(origin + path)
	if err != nil {
		panic(err)
	}
	return &http.Request{
		Method: method, URL: u, Host: u.Host, RequestURI: path, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
		Header: http.Header{"Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}},
	}
}

// send sends a request with the cookies of a browser, which keeps those of the response.
func (i *instance) send(r *http.Request, cookies jar) *httptest.ResponseRecorder {
	r = r.WithContext(context.Background())
	for name, value := range cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	i.handler.ServeHTTP(w, r)
	if len(w.Header()["Set-Cookie"]) == 0 {
		return w
	}
	for _, cookie := range w.Result().Cookies() {
		if cookie.MaxAge < 0 {
			delete(cookies, cookie.Name)
		} else {
			cookies[cookie.Name] = cookie.Value
		}
	}
	return w
}

// close ends a process when its work is done.
func (i *instance) close() {
	i.underWay.Wait()
	_ = i.auth.Close()
}

// signIn signs a user in with a browser. answered is called right before Entra's response is delivered.
func (i *instance) signIn(e *entra, login string, cookies jar, answered func(code string)) (status int, err error) {
	begun := i.get("/user/login", cookies)
	if begun.Code != http.StatusSeeOther {
		return begun.Code, nil
	}
	response, err := e.idp.SignIn(begun.Header().Get("Location")+"&login_hint="+url.QueryEscape(login), login)
	if err != nil {
		return 0, err
	}
	answered(response.Values.Get("code"))
	return i.send(response.Request(), cookies).Code, nil
}

// keyRing returns the keys of a stage: the next key is appended everywhere before it is moved to the front.
func keyRing(stage int) [][]byte {
	sealing := stage / 2
	var keys [][]byte
	for n := sealing; n >= 0; n-- {
		keys = append(keys, keyOf(n))
	}
	if stage%2 == 1 {
		keys = append(keys, keyOf(sealing+1))
	}
	return keys
}

func keyOf(n int) []byte {
	return binary.BigEndian.AppendUint64([]byte(strings.Repeat("k", 24)), uint64(n)*0x9E3779B97F4A7C15+1)
}
