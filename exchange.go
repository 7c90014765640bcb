package fibermsal

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/outbound"
	"github.com/fibermsal/fibermsal/internal/turn"
)

const (
	// entraTimeout bounds every call to Entra; MSAL would wait 30 seconds.
	entraTimeout = 10 * time.Second
	// maxRetryAfter bounds how long Entra may ask to be left alone.
	maxRetryAfter = 5 * time.Minute
	// maxTokenAnswer is what room is made for before an answer of the token endpoint has come.
	maxTokenAnswer = 64 << 10
	// pauseAfterFailures is how many token calls in a row, whosever they are, must
	// fail to leave Entra alone until retrySoon has passed.
	pauseAfterFailures = 10
)

// entraClient is what MSAL and discovery share: answers are limited in time and
// size, configurations are cached, and a redirect is an error, because it would
// carry the secret along.
func entraClient(configured *http.Client) *http.Client {
	return &http.Client{
		Transport:     discovery.NewTransport(configured.Transport),
		Timeout:       entraTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// exchange is the HTTP client of one MSAL call. It notes what the token endpoint
// answered, because MSAL's errors are texts, which contain tokens and the client
// secret (threat F1): errors are classified by what is noted here, and
// MSAL's are dropped. It is not safe for concurrent use, and MSAL makes its calls
// one after the other.
type exchange struct {
	client *http.Client
	gate   *entraGate
	graph  graphScopes
	// before, if it is set, is called when nothing else stands between the caller and
	// the token endpoint, which is not asked if it fails.
	before func() error

	failed     error // before's, or the transport's on any call
	asked      bool  // the token endpoint answered
	answeredAt time.Time
	status     int
	retryAfter time.Duration
	answer     tokenAnswer
}

// tokenAnswer is what is read of the token endpoint's answers, good and bad.
type tokenAnswer struct {
	Error         string `json:"error"`
	Suberror      string `json:"suberror"`
	ErrorCodes    []int  `json:"error_codes"`
	CorrelationID string `json:"correlation_id"`
	Claims        string `json:"claims"`
	Scope         string `json:"scope"`
	ClientInfo    string `json:"client_info"`
	IDToken       string `json:"id_token"`
	AccessToken   string `json:"access_token"`
}

// entraGate keeps an outage of Entra from costing every session its own call: after
// some failures in a row one caller at a time finds out whether it is over.
type entraGate = gobreaker.TwoStepCircuitBreaker[any]

func newEntraGate() *entraGate {
	return gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		MaxRequests: 1,
		Timeout:     retrySoon,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= pauseAfterFailures },
		IsExcluded:  func(err error) bool { return errors.Is(err, errNotEntras) },
	})
}

// errNotEntras is how a call ended that says nothing about Entra: it was not asked, or the
// caller's own deadline or departure ended the call.
var errNotEntras = errors.New("the token endpoint did not end the call")

// errEntraTimeout is the cause of a context that bounds one call of Entra.
var errEntraTimeout = errors.New("the token endpoint did not answer in time")

// withinEntraTimeout bounds a call of Entra that no caller waits for: a sign-in has the
// limit of the client instead, besides its own.
func withinEntraTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, entraTimeout, errEntraTimeout)
}

// errEntraPaused says that Entra was not asked because it just failed so often.
var errEntraPaused = errors.New("the token endpoint failed so often just now that it was not asked")

// reasonLost is a call whose connection was lost. The next one has another.
const reasonLost = "connection_lost"

// errEntraBusy is an answer that says nothing about whose call it was.
var errEntraBusy = errors.New("the token endpoint is busy")

// Do sends a request of MSAL's.
func (x *exchange) Do(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost {
		// The configuration, which is in memory and never leads elsewhere: what a client does
		// about redirects and deadlines would be most of it.
		resp, err := x.client.Transport.RoundTrip(r)
		x.failed = err
		return resp, err
	}
	done, err := x.gate.Allow()
	if err != nil {
		x.failed = errEntraPaused
		return nil, errEntraPaused
	}
	outcome := errEntraBusy // also of a panic in the app's transport
	defer func() { done(outcome) }()
	if x.before != nil {
		if x.failed = x.before(); x.failed != nil {
			outcome = errNotEntras // the next one may ask
			return nil, x.failed
		}
	}
	resp, err := x.post(r)
	turn.Again(r.Context())
	switch {
	case err == nil && x.status < http.StatusInternalServerError: // 429 may be for one user
		outcome = nil
	case err != nil && (endedByCaller(r.Context()) || errors.Is(err, outbound.ErrLostTogether)):
		outcome = errNotEntras
	}
	return resp, x.failed
}

// endedByCaller reports whether a context has ended, and not by the time limit of the call:
// five impatient sign-ins must not keep Entra from everybody.
func endedByCaller(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), errEntraTimeout)
}

func (x *exchange) post(r *http.Request) (*http.Response, error) {
	resp, err := x.client.Do(r)
	if err != nil {
		x.failed = err
		return nil, err
	}
	return resp, x.note(resp)
}

// busy reports whether a status says that asking later may help.
func busy(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// CloseIdleConnections does nothing: the connections are shared.
func (x *exchange) CloseIdleConnections() {}

func (x *exchange) note(resp *http.Response) error {
	// At once as large as the answer says it is: tokens are several kilobytes.
	read := bytes.NewBuffer(make([]byte, 0, min(max(resp.ContentLength, 0), maxTokenAnswer)+bytes.MinRead))
	_, err := read.ReadFrom(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		x.failed = err
		return err
	}
	body := read.Bytes()
	x.asked, x.answeredAt, x.status, x.answer = true, time.Now(), resp.StatusCode, tokenAnswer{}
	x.retryAfter = outbound.RetryAfter(resp.Header, maxRetryAfter)
	_ = json.Unmarshal(body, &x.answer) // an unreadable answer leaves the status
	body, x.answer.Scope = x.graph.respell(body, x.answer.Scope)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// failure says what a failed MSAL call means, from what was noted.
// couldAsk says whether there was a code or a refresh token to ask with.
func (x *exchange) failure(scopes []string, couldAsk bool) *Error {
	var e *Error
	switch {
	case errors.As(x.failed, &e):
		return e
	case errors.Is(x.failed, errEntraPaused):
		return entraUnavailable(reasonEntraPaused, errEntraPaused)
	case errors.Is(x.failed, outbound.ErrLost):
		e := entraUnavailable(reasonLost, outbound.Cause(x.failed))
		e.RetryAfter = time.Second // on another connection
		return e
	case x.failed != nil:
		return entraUnavailable("entra_unreachable", outbound.Cause(x.failed))
	case !x.asked && !couldAsk:
		return ErrLoginRequired.because("no_tokens", nil)
	case !x.asked:
		return entraUnavailable("credential_failed", errors.New("MSAL failed before it asked Entra; is the Credential's assertion available?"))
	case busy(x.status):
		e := entraUnavailable("entra_busy", x.diagnosis())
		e.RetryAfter = max(x.retryAfter, retrySoon)
		return e
	case x.answer.Error != "":
		return x.refusal(scopes).advised(x.answer.ErrorCodes...)
	case len(x.declined(scopes)) > 0:
		return ErrConsentRequired.asking("scopes_declined", fmt.Errorf("scopes not granted: %s", strings.Join(x.declined(scopes), " ")), flow.Ask{Scopes: scopes})
	}
	return entraUnavailable("entra_unreadable", fmt.Errorf("status %d with an answer that is no token response", x.status))
}

// refusesClient reports whether the app's own credential was not accepted.
func (x *exchange) refusesClient() bool {
	return x.asked && x.answer.Error == "invalid_client"
}

// refusal maps the protocol's errors, by their parsed fields and never by text.
func (x *exchange) refusal(scopes []string) *Error {
	switch {
	case x.answer.Suberror == "consent_required" || x.answer.Error == "consent_required":
		return ErrConsentRequired.asking("consent_required", x.diagnosis(), flow.Ask{Scopes: scopes})
	case x.answer.Claims != "" && (x.answer.Error == "invalid_grant" || x.answer.Error == "interaction_required"):
		return ErrClaimsChallenge.asking(x.answer.Error, x.diagnosis(), flow.Ask{Scopes: scopes, Claims: x.answer.Claims})
	case x.answer.Error == "invalid_grant" || x.answer.Error == "interaction_required" || x.answer.Error == "login_required":
		return ErrLoginRequired.because(x.answer.Error, x.diagnosis())
	case x.answer.Error == "temporarily_unavailable" || x.answer.Error == "server_error":
		return entraUnavailable("entra_busy", x.diagnosis())
	case x.answer.Error == "invalid_scope":
		return ErrMisconfigured.because("invalid_scope", x.diagnosis())
	}
	return ErrMisconfigured.because("client_refused", x.diagnosis())
}

// diagnosis is what an administrator needs to find the event in Entra's logs.
func (x *exchange) diagnosis() error {
	return fmt.Errorf("token endpoint: status %d error %q suberror %q AADSTS %v correlation %q",
		x.status, x.answer.Error, x.answer.Suberror, x.answer.ErrorCodes, x.answer.CorrelationID)
}

// declined are the scopes asked for that a token answer did not grant.
func (x *exchange) declined(asked []string) (missing []string) {
	if x.answer.AccessToken == "" || x.answer.Scope == "" {
		return nil
	}
	return missingFrom(strings.Fields(x.answer.Scope), asked)
}

// account is whose tokens an answer brought, which MSAL files them under.
func (x *exchange) account() (account entraAccount, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(x.answer.ClientInfo, "="))
	if err != nil || json.Unmarshal(raw, &account) != nil {
		return entraAccount{}, false
	}
	return account, account.ObjectID != "" && account.TenantID != ""
}

// entraAccount is a user in their home tenant.
type entraAccount struct {
	ObjectID string `json:"uid"`
	TenantID string `json:"utid"`
}

func (a entraAccount) String() string { return a.ObjectID + "." + a.TenantID }
