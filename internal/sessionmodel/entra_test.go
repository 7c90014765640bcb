package sessionmodel_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

// tokenLife is how long access tokens live, and renewable how long before their end a renewal is expected at most. MSAL's
// cache contains times in whole seconds.
const (
	tokenLife = 75 * time.Minute
	renewable = 10 * time.Minute
	whole     = time.Second
	// underWay is how long a renewal may take. A renewal after a fault may have no lock.
	underWay = 30 * time.Second
)

// entra is Entra as all instances see it: sign-ins are the emulator's. Renewals are answered here, because the
// signature of an ID token costs more than the rest of a history, and because a refresh token is followed to
// what it was renewed from. As at Entra, the old one stays valid, and a renewal may come without an ID token.
type entra struct {
	idp   *entratest.Server
	limit time.Duration // how long sessions live at most

	mu        sync.Mutex // guards what follows
	random    *rand.Rand // nil: calls take no time
	downUntil time.Time
	lose      int // answers to renewals
	failedAt  time.Time
	excusedAt time.Time
	lineages  map[string]*lineage // by refresh token, of all that were issued
	byCode    map[string]*lineage
	revokedAt map[string]time.Time // by login
	calls     int                  // of the token endpoint, for renewals
	refused   int                  // of these, with a revoked refresh token
	early     int                  // of these, before they were due, because of a fault
	signIns   int
	wrong     error
}

// lineage is the refresh tokens of one sign-in.
type lineage struct {
	login, id         string
	clientInfo, scope string
	granted           time.Time

	newest string // refresh token
	serial int
	// siblings are refresh tokens that were issued less than a second before the newest, to another instance. Either
	// may stay in the storage, because MSAL's cache contains times in seconds. Both are valid.
	siblings  []string
	issuedAt  time.Time
	renewFrom time.Time // when the newest access token may be renewed
	// excused is set after an event since the last renewal that may cause another call, which is a
	// fault of the storage or of Entra, or a crash.
	excused bool
	// receiver is the instance that received the newest refresh token. lost is set if it did not, or has ended before
	// it could store the token.
	receiver *connection
	lost     bool
}

func newEntra(idp *entratest.Server, limit time.Duration, random *rand.Rand) *entra {
	return &entra{
		idp: idp, limit: limit, random: random,
		lineages: make(map[string]*lineage), byCode: make(map[string]*lineage), revokedAt: make(map[string]time.Time),
	}
}

// excuse records a fault for the lineages of all users.
func (e *entra) excuse() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.excusedAt = time.Now()
	for _, l := range e.lineages {
		l.excused = true
	}
}

// mayHaveLost records that the instance that received the newest refresh token of a lineage may not
// have stored it.
func (e *entra) mayHaveLost(l *lineage) {
	e.mu.Lock()
	defer e.mu.Unlock()
	l.excused, l.lost = true, true
}

// isLost reports whether mayHaveLost has been called.
func (e *entra) isLost(l *lineage) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return l.lost
}

// newest returns the newest refresh token of a lineage, and its siblings.
func (e *entra) newest(l *lineage) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string{l.newest}, l.siblings...)
}

// ownerOf returns the login that an access token belongs to.
func (e *entra) ownerOf(token string) string {
	if rest, ok := strings.CutPrefix(token, "access/"); ok {
		login, _, _ := strings.Cut(rest, "/")
		return login
	}
	login, _ := e.idp.TokenUser(token)
	return login
}

// link is how one instance reaches Entra.
type link struct {
	*entra

	connection *connection // cut when the instance crashes
}

var errNoAnswer = errors.New("no answer from Entra")

// RoundTrip implements http.RoundTripper.
func (l *link) RoundTrip(r *http.Request) (*http.Response, error) {
	pass(l.latency())
	if l.connection.isCut() {
		return nil, errCut
	}
	if l.isDown() {
		return nil, errNoAnswer
	}
	response, err := l.answer(r)
	pass(l.latency())
	if l.connection.isCut() {
		return nil, errCut
	}
	return response, err
}

func (e *entra) latency() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.random == nil {
		return 0
	}
	return time.Duration(5_000_000 + e.random.Int64N(150_000_000))
}

func (e *entra) isDown() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !time.Now().Before(e.downUntil) {
		return false
	}
	e.failedAt = time.Now()
	return true
}

func (e *entra) failedSince(at time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failedAt.After(at)
}

// answer answers renewals, and passes everything else on to the emulator.
func (l *link) answer(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost {
		return l.idp.HTTPClient.Transport.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	if form.Get("grant_type") == "refresh_token" {
		return l.renew(r, form.Get("refresh_token"), l.connection)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	response, err := l.idp.HTTPClient.Transport.RoundTrip(r)
	if err == nil && form.Get("grant_type") == "authorization_code" {
		err = l.granted(form.Get("code"), response)
	}
	return response, err
}

// grant has the fields of a token response that a lineage needs.
type grant struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ClientInfo   string `json:"client_info"`
	Scope        string `json:"scope"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
}

// granted records the tokens of a sign-in.
func (e *entra) granted(code string, response *http.Response) error {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	var g grant
	if err := json.Unmarshal(body, &g); err != nil || g.RefreshToken == "" {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.signIns++
	login, _ := e.idp.TokenUser(g.AccessToken)
	l := &lineage{
		login: login, id: login + g.RefreshToken[len(g.RefreshToken)-16:], clientInfo: g.ClientInfo, scope: g.Scope, granted: time.Now(),
		newest: g.RefreshToken, renewFrom: time.Now().Add(tokenLife - renewable - whole),
	}
	e.lineages[g.RefreshToken], e.byCode[code] = l, l
	return nil
}

// renew answers a renewal.
func (e *entra) renew(r *http.Request, token string, by *connection) (*http.Response, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	l := e.lineages[token]
	switch {
	case l == nil:
		e.wrong = errors.New("a refresh token that was never issued")
		return answerOf(r, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_codes": []int{9002313}}), nil
	case !e.revokedAt[l.login].Before(l.granted):
		e.refused++
		return answerOf(r, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_codes": []int{50173}, "suberror": "bad_token"}), nil
	}
	e.check(l, token, by)
	e.issue(l, by)
	if e.lose > 0 {
		e.lose--
		e.failedAt, l.excused, l.lost = time.Now(), true, true
		return nil, errNoAnswer
	}
	return answerOf(r, http.StatusOK, grant{
		AccessToken:  fmt.Sprintf("access/%s/%s/%d", l.login, l.id, l.serial),
		RefreshToken: l.newest, ClientInfo: l.clientInfo, Scope: l.scope, TokenType: "Bearer", ExpiresIn: int(tokenLife / time.Second),
	}), nil
}

// check checks that a renewal is due and uses the newest refresh token. After a fault another instance may not have it,
// but the one that received it does. In the last second of a session nothing is stored.
func (e *entra) check(l *lineage, token string, by *connection) {
	if time.Since(l.granted) > e.limit-2*time.Second {
		l.excused = true
		e.early++
		return
	}
	isOld := token != l.newest && !slices.Contains(l.siblings, token)
	isEarly := time.Now().Before(l.renewFrom)
	switch {
	case isEarly && l.excused:
		e.early++
	case isEarly:
		e.wrong = fmt.Errorf("a token of %s was renewed %v too early", l.login, time.Until(l.renewFrom))
	}
	if isOld && (!l.excused || l.receiver == by && !l.lost) {
		e.wrong = fmt.Errorf("a refresh token of %s was lost", l.login)
	}
}

// issue issues the next refresh token of a lineage.
func (e *entra) issue(l *lineage, to *connection) {
	if l.siblings = append(l.siblings, l.newest); time.Since(l.issuedAt) >= time.Second {
		l.siblings = nil
	}
	l.serial++
	delete(e.lineages, l.before())
	l.newest = fmt.Sprintf("refresh/%s/%d", l.id, l.serial)
	l.issuedAt, l.renewFrom = time.Now(), time.Now().Add(tokenLife-renewable-whole)
	l.excused, l.lost, l.receiver = time.Since(e.excusedAt) < underWay, false, to
	e.lineages[l.newest] = l
}

// expected returns how many calls there may have been: one for each access token that had been used until its end was
// near, those that were refused, and those that a fault excuses.
func (e *entra) expected() int {
	calls := e.refused + e.early
	for _, l := range e.byCode {
		if l.serial > 0 {
			calls += int(l.issuedAt.Sub(l.granted) / (tokenLife - renewable - whole))
		}
	}
	return calls
}

// before returns a refresh token that is so old that no instance has it any more.
func (l *lineage) before() string {
	const kept = 50
	return fmt.Sprintf("refresh/%s/%d", l.id, l.serial-kept)
}

func answerOf(r *http.Request, status int, body any) *http.Response {
	content, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: int64(len(content)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(content)),
	}
}
