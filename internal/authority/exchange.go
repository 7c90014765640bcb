package authority

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/aadsts"
	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/outbound"
	"github.com/fibermsal/fibermsal/internal/rawjson"
	"github.com/fibermsal/fibermsal/internal/telemetry"
	"github.com/fibermsal/fibermsal/internal/turn"
)

const (
	// maxRetryAfter is the longest Retry-After that is accepted from Entra.
	maxRetryAfter = 5 * time.Minute
	// usualTokenResponse and maxTokenResponse are the default and the maximum size of the buffer for a
	// token response, because Content-Length may be missing or wrong.
	usualTokenResponse, maxTokenResponse = 8 << 10, 64 << 10
	// minWithoutTokens is the usual length of a response without the tokens.
	minWithoutTokens = 512
)

// NewHTTPClient returns the client that MSAL and discovery share for an app. Responses are limited in
// time and size, configurations are cached, and a redirect is an error, because following it would send
// the client secret to another URL.
func NewHTTPClient(clientID string, transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     discovery.NewTransportFor(clientID, transport),
		Timeout:       CallTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// exchange is the HTTP client of one MSAL call. It records the response of the token endpoint. Failures
// are classified by this record, and MSAL's errors are discarded, because their texts contain tokens
// and the client secret (threat F1). It is not safe for concurrent use; MSAL makes its HTTP calls one
// after another.
type exchange struct {
	client    *http.Client
	gate      *gate
	scopes    *Scopes
	telemetry *telemetry.Telemetry // may be nil
	// withholdsTokens is set if MSAL must not get the tokens in responses.
	withholdsTokens bool
	// beforeSending, if set, is called immediately before the token endpoint. If it returns an error,
	// the token endpoint is not called.
	beforeSending func() error

	failed     error // from beforeSending, or from the transport in any call
	responded  bool  // whether the token endpoint responded
	receivedAt time.Time
	status     int
	retryAfter time.Duration
	response   tokenResponse
}

// Do sends a request for MSAL.
func (x *exchange) Do(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost {
		// The configuration is cached and never redirects. Calling the transport directly avoids the
		// cost of http.Client's handling of redirects and deadlines.
		resp, err := x.client.Transport.RoundTrip(r)
		x.failed = err
		return resp, err
	}
	done, err := x.gate.Allow()
	if err != nil {
		x.failed = errPaused
		return nil, errPaused
	}
	outcome := errBusy // also after a panic in the app's transport
	defer func() { done(outcome) }()
	if x.beforeSending != nil {
		if x.failed = x.beforeSending(); x.failed != nil {
			outcome = errInconclusive // the next caller may call Entra
			return nil, x.failed
		}
	}
	resp, err := x.post(r)
	turn.Again(r.Context())
	switch {
	case err == nil && x.status < http.StatusInternalServerError: // 429 may be for one user
		outcome = nil
	case err != nil && (endedByCaller(r.Context()) || errors.Is(err, outbound.ErrLostTogether)):
		outcome = errInconclusive
	}
	return resp, x.failed
}

func (x *exchange) post(r *http.Request) (*http.Response, error) {
	resp, err := x.client.Do(r)
	if err == nil {
		err = x.record(resp)
	}
	if err != nil {
		x.failed = err
	}
	x.telemetry.EntraError(r.Context(), telemetry.EndpointToken, aadsts.Attribute(x.response.ErrorCodes...))
	return resp, err
}

// record reads a token response and gives MSAL a copy.
func (x *exchange) record(resp *http.Response) error {
	// Tokens have several kilobytes, so the buffer is allocated with its full size.
	size := int64(usualTokenResponse)
	if resp.ContentLength >= 0 {
		size = min(resp.ContentLength, maxTokenResponse)
	}
	buffer := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	_, err := buffer.ReadFrom(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return err
	}
	body := buffer.Bytes()
	x.responded, x.receivedAt, x.status = true, time.Now(), resp.StatusCode
	x.retryAfter = outbound.RetryAfter(resp.Header, maxRetryAfter)
	x.response = tokenResponseOf(body) // if the response is unreadable, only the status is known
	body, x.response.Scope = x.readable(body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// readable returns the response in a form that MSAL can read, and the granted scopes in canonical
// spelling. Entra repeats the spelling of the request.
func (x *exchange) readable(body []byte) (response []byte, granted string) {
	granted = x.scopes.canonicalGranted(x.response.Scope)
	if x.withholdsTokens && len(x.response.accessToken) > 0 {
		return withoutTokens(body, granted), granted
	}
	idToken := readableIDToken(x.response.IDToken).raw
	if granted == x.response.Scope && idToken == x.response.IDToken {
		return body, granted
	}
	return withTexts(body, map[string]string{"scope": granted, "id_token": idToken}), granted
}

// withTexts returns a valid JSON object with other strings in some of its members.
func withTexts(object []byte, texts map[string]string) []byte {
	changed := append(make([]byte, 0, len(object)), '{')
	rawjson.Object(object, func(name, value []byte) {
		changed = nextMember(changed, name)
		if text, found := texts[string(name)]; found {
			changed = rawjson.AppendText(changed, text)
		} else {
			changed = append(changed, value...)
		}
	})
	return append(changed, '}')
}

// withheld replaces the access token, because MSAL does not accept a response without one.
const withheld = "withheld"

// withoutTokens returns a token response without the tokens, for MSAL to check. MSAL would copy the
// tokens several times and quote them in errors (threat F1). A token that is not a string is kept, so
// that MSAL refuses it.
func withoutTokens(response []byte, granted string) []byte {
	changed := append(make([]byte, 0, minWithoutTokens), '{')
	rawjson.Object(response, func(name, value []byte) {
		isText := value[0] == '"'
		switch string(name) {
		case "access_token":
			if isText {
				value = []byte(`"` + withheld + `"`)
			}
		case "refresh_token", "id_token":
			if isText {
				return
			}
		case "scope":
			if isText {
				value = rawjson.AppendText(nil, granted)
			}
		}
		changed = append(nextMember(changed, name), value...)
	})
	return append(changed, '}')
}

// nextMember appends the beginning of the next member to an object.
func nextMember(object, name []byte) []byte {
	if len(object) > len("{") {
		object = append(object, ',')
	}
	return rawjson.AppendName(object, string(name))
}

// CloseIdleConnections does nothing, because the connections are shared.
func (x *exchange) CloseIdleConnections() {}
