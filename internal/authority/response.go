package authority

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/outbound"
	"github.com/fibermsal/fibermsal/internal/rawjson"
)

// tokenResponse contains the fields that are read from responses and errors of the token endpoint.
type tokenResponse struct {
	Error         string
	Suberror      string
	ErrorCodes    []int
	CorrelationID string
	Claims        string
	Scope         string
	ClientInfo    string
	IDToken       string

	// accessToken and refreshToken are JSON strings that share the memory of the response. An empty
	// access token counts as missing.
	accessToken, refreshToken []byte
	tokenType, family         string
	extendedLife              time.Duration
}

// tokenResponseOf reads a token response. A field with a wrong type counts as missing, and so do all
// fields if the response is not a JSON object.
func tokenResponseOf(body []byte) (r tokenResponse) {
	if !rawjson.Object(body, r.read) {
		return tokenResponse{}
	}
	return r
}

func (r *tokenResponse) read(name, value []byte) {
	if into := r.text(name); into != nil {
		*into, _ = rawjson.Text(value)
		return
	}
	switch string(name) {
	case "access_token":
		r.accessToken = textOf(value)
	case "refresh_token":
		r.refreshToken = textOf(value)
	case "ext_expires_in":
		seconds, _ := strconv.Atoi(strings.Trim(string(value), `"`))
		r.extendedLife = time.Duration(seconds) * time.Second
	case "error_codes":
		_ = json.Unmarshal(value, &r.ErrorCodes) // if this fails, the codes are unknown
	}
}

// text returns the field in which a string is stored, or nil.
func (r *tokenResponse) text(name []byte) *string {
	switch string(name) {
	case "error":
		return &r.Error
	case "suberror":
		return &r.Suberror
	case "correlation_id":
		return &r.CorrelationID
	case "claims":
		return &r.Claims
	case "scope":
		return &r.Scope
	case "client_info":
		return &r.ClientInfo
	case "id_token":
		return &r.IDToken
	case "token_type":
		return &r.tokenType
	case "foci":
		return &r.family
	}
	return nil
}

// textOf returns a value that is a non-empty string, or nil.
func textOf(value []byte) []byte {
	if len(value) > len(`""`) && value[0] == '"' {
		return value
	}
	return nil
}

// Account is a user in the home tenant. MSAL stores tokens under its text.
type Account struct {
	ObjectID string `json:"uid"`
	TenantID string `json:"utid"`
}

// String returns MSAL's home account ID.
func (a Account) String() string { return a.ObjectID + "." + a.TenantID }

// account returns the account under which MSAL stores the tokens of the response.
func (r *tokenResponse) account() (account Account, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(r.ClientInfo, "="))
	if err != nil || json.Unmarshal(raw, &account) != nil {
		return Account{}, false
	}
	return account, account.ObjectID != "" && account.TenantID != ""
}

// declined returns the requested scopes that a successful response did not grant.
func (r *tokenResponse) declined(requested []string) []string {
	if len(r.accessToken) == 0 || r.Scope == "" {
		return nil
	}
	return Missing(strings.Fields(r.Scope), requested)
}

// IsBusy reports whether a status means that calling later may help.
func IsBusy(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// failure returns the error of a failed MSAL call, based on the recorded response. hadCredential is set
// if there was a code or a refresh token with which to call Entra.
func (x *exchange) failure(scopes []string, hadCredential bool) *autherr.Error {
	switch {
	case x.failed != nil:
		return transportFailure(x.failed)
	case !x.responded && !hadCredential:
		return autherr.LoginRequired.New("no_tokens", nil)
	case !x.responded:
		return autherr.TryLater("credential_failed", errors.New("MSAL failed before it called Entra; is the Credential's assertion available?"))
	case IsBusy(x.status):
		e := autherr.WithAdvice(autherr.TryLater(autherr.ReasonEntraBusy, x.diagnosis()), x.response.ErrorCodes...)
		e.RetryAfter = max(x.retryAfter, autherr.RetrySoon)
		return e
	case x.response.Error != "":
		return autherr.WithAdvice(x.refusal(scopes), x.response.ErrorCodes...)
	}
	if declined := x.response.declined(scopes); len(declined) > 0 {
		return autherr.ConsentRequired.Requiring("scopes_declined",
			fmt.Errorf("scopes not granted: %s", strings.Join(declined, " ")), flow.Requirements{Scopes: scopes})
	}
	return x.unreadable()
}

// unreadable returns the error for a response that is not a token response.
func (x *exchange) unreadable() *autherr.Error {
	return autherr.TryLater("entra_unreadable", fmt.Errorf("status %d, and the body is not a token response", x.status))
}

// transportFailure returns the error of a call that got no response.
func transportFailure(err error) *autherr.Error {
	if e, ok := autherr.Find(err); ok {
		return e // from exchange.beforeSending
	}
	if refused := refusedDiscovery(err); refused != nil {
		return refused
	}
	switch {
	case errors.Is(err, errPaused):
		return autherr.TryLater(autherr.ReasonEntraPaused, errPaused)
	case errors.Is(err, outbound.ErrLost):
		e := autherr.TryLater(autherr.ReasonConnectionLost, outbound.Cause(err))
		e.RetryAfter = time.Second // on another connection
		return e
	}
	return autherr.TryLater("entra_unreachable", outbound.Cause(err))
}

// rejectsClient reports whether Entra did not accept the app's client credential.
func (x *exchange) rejectsClient() bool {
	return x.responded && x.response.Error == "invalid_client"
}

// refusal classifies OAuth errors by their parsed fields and never by their text.
func (x *exchange) refusal(scopes []string) *autherr.Error {
	r := &x.response
	switch {
	case r.Suberror == "consent_required" || r.Error == "consent_required":
		return autherr.ConsentRequired.Requiring("consent_required", x.diagnosis(), flow.Requirements{Scopes: scopes})
	case r.Claims != "" && (r.Error == "invalid_grant" || r.Error == "interaction_required"):
		return autherr.ClaimsChallenge.Requiring(r.Error, x.diagnosis(), flow.Requirements{Scopes: scopes, Claims: r.Claims})
	case slices.Contains(r.ErrorCodes, otherAudience):
		return autherr.Misconfigured.New("assertion_audience", x.diagnosis())
	case r.Error == "invalid_grant" && slices.ContainsFunc(r.ErrorCodes, isSpent):
		return autherr.LoginRequired.New(autherr.ReasonGrantSpent, x.diagnosis())
	case r.Error == "invalid_grant" || r.Error == "interaction_required" || r.Error == "login_required":
		return autherr.LoginRequired.New(r.Error, x.diagnosis())
	case r.Error == "temporarily_unavailable" || r.Error == "server_error":
		return autherr.TryLater(autherr.ReasonEntraBusy, x.diagnosis())
	case r.Error == "invalid_scope":
		return autherr.Misconfigured.New("invalid_scope", x.diagnosis())
	}
	return autherr.Misconfigured.New("client_refused", x.diagnosis())
}

// otherAudience is the AADSTS number for an assertion that was issued for another app.
const otherAudience = 500131

// isSpent reports whether an AADSTS number says that a code or refresh token has expired, or that a
// code was redeemed before.
func isSpent(number int) bool { return number == 54005 || number == 70008 }

// appFailure classifies a failed call for an app token. Errors that a user's sign-in would fix become
// Misconfigured.
func (x *exchange) appFailure() *autherr.Error {
	e := x.failure(nil, true)
	if !autherr.NeedsSignIn(e) {
		return e
	}
	return autherr.WithAdvice(autherr.Misconfigured.New("app_refused", x.diagnosis()), x.response.ErrorCodes...)
}

// diagnosis returns the data with which an administrator can find the event in Entra's logs.
func (x *exchange) diagnosis() error {
	r := &x.response
	return fmt.Errorf("token endpoint: status %d error %q suberror %q AADSTS %v correlation %q",
		x.status, r.Error, r.Suberror, r.ErrorCodes, r.CorrelationID)
}
