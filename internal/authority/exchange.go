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
	// maxRetryAfter bounds how long Entra may ask callers to wait.
	maxRetryAfter = 5 * time.Minute
	// usualTokenResponse and maxTokenResponse bound the buffer that is allocated before a token
	// response has arrived, because its length may not be announced, or wrongly.
	usualTokenResponse, maxTokenResponse = 8 << 10, 64 << 10
	// minWithoutTokens is the usual length of what is left without the tokens.
	minWithoutTokens = 512
)

// NewHTTPClient returns the client that MSAL and discovery share for an app. Responses are limited in
// time and size, configurations are cached, and a redirect is an error, because it would
// carry the client secret along.
func NewHTTPClient(clientID string, transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     discovery.NewTransportFor(clientID, transport),
		Timeout:       CallTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// exchange is the HTTP client of one MSAL call. It records the response of the token endpoint,
// because MSAL's errors are texts that contain tokens and the client secret (threat F1):
// failures are classified by what is recorded here, and MSAL's errors are dropped. It is not
// safe for concurrent use; MSAL makes its calls one after the other.
type exchange struct {
	client    *http.Client
	gate      *gate
	scopes    *Scopes
	telemetry *telemetry.Telemetry // nil counts nothing
	// withholdsTokens is set if MSAL gets token responses without their tokens.
	withholdsTokens bool
	// beforeSending, if set, is called right before the token endpoint is. If it fails, the
	// token endpoint is not called.
	beforeSending func() error

	failed     error // of beforeSending, or of the transport on any call
	responded  bool  // whether the token endpoint did
	receivedAt time.Time
	status     int
	retryAfter time.Duration
	response   tokenResponse
}

// Do sends a request for MSAL.
func (x *exchange) Do(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost {
		// The configuration is in memory and never redirects. Most of the cost of an http.Client
		// would be its handling of redirects and deadlines.
		resp, err := x.client.Transport.RoundTrip(r)
		x.failed = err
		return resp, err
	}
	done, err := x.gate.Allow()
	if err != nil {
		x.failed = errPaused
		return nil, errPaused
	}
	outcome := errBusy // also of a panic in the app's transport
	defer func() { done(outcome) }()
	if x.beforeSending != nil {
		if x.failed = x.beforeSending(); x.failed != nil {
			outcome = errInconclusive // the next caller may call
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
	// Tokens are several kilobytes, so the buffer has its size at once.
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
	x.response = tokenResponseOf(body) // an unreadable response leaves the status
	body, x.response.Scope = x.readable(body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// readable returns the response as MSAL can read it, and the granted scopes in canonical
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

// withTexts returns a valid JSON object with other texts in the fields that it has.
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

// withheld stands for the access token, because MSAL accepts no response without one.
const withheld = "withheld"

// withoutTokens returns a token response for MSAL to check, without the tokens: MSAL copies them several times,
// and its errors quote them (threat F1). A token that is no text stays, for MSAL to refuse.
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

// nextMember begins the next member of an object.
func nextMember(object, name []byte) []byte {
	if len(object) > len("{") {
		object = append(object, ',')
	}
	return rawjson.AppendName(object, string(name))
}

// CloseIdleConnections does nothing, because the connections are shared.
func (x *exchange) CloseIdleConnections() {}
