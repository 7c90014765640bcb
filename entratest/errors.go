package entratest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// aadError is one of Entra's numbered errors. It reaches an app as JSON from the token endpoint or as
// parameters of the authorization response; errors with page set are only ever shown to the person.
type aadError struct {
	code     int
	codes    []int  // error_codes where it is more than code
	oauth    string // RFC 6749's error
	text     string
	suberror string
	claims   string
	status   int
	page     bool
	subcode  string // authorize only: "cancel"
}

const checkFederation = "Check your federated identity credential Subject, Audience and Issuer against the presented assertion."

// catalogue holds the errors the emulator gives, by AADSTS number.
var catalogue = map[int]aadError{
	16000:   {oauth: "interaction_required", text: "Either multiple user identities are available for the current request or selected account is not supported for the scenario."},
	28002:   {oauth: "invalid_request", text: "Provided value for the input parameter scope '%s' is not valid when requesting an access token. Please specify a valid scope."},
	50011:   {oauth: "invalid_request", page: true, text: "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal."},
	50020:   {oauth: "invalid_request", page: true, text: "User account '%s' does not exist in tenant '%s' and cannot access the application '%s' in that tenant."},
	50027:   {oauth: "invalid_request", text: "JWT token is invalid or malformed. %s"},
	50034:   {oauth: "invalid_grant", text: "The user account %s does not exist in the %s directory. To sign into this application, the account must be added to the directory."},
	50048:   {oauth: "invalid_client", status: http.StatusUnauthorized, text: "Subject must match the issuer claim in the client assertion. The subject is '%s'."},
	50049:   {oauth: "invalid_instance", text: "Unknown or invalid instance."},
	50057:   {oauth: "invalid_grant", page: true, text: "The user account is disabled."},
	50058:   {oauth: "login_required", text: "A silent sign-in request was sent but no user is signed in."},
	50076:   {oauth: "invalid_grant", suberror: "basic_action", text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '%s'."},
	50105:   {oauth: "invalid_request", page: true, text: "Your administrator has configured the application ('%s') to block users unless they are specifically granted ('assigned') access to the application. The signed-in user '%s' is blocked because they are not a direct member of a group with access, nor had access directly assigned by an administrator."},
	50173:   {oauth: "invalid_grant", suberror: "bad_token", text: "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '%s' and the TokensValidFrom date (before which tokens are not valid) for this user is '%s'."},
	65001:   {oauth: "invalid_grant", suberror: "consent_required", text: "The user or administrator has not consented to use the application with ID '%s' named 'Emulated app'. Send an interactive authorization request for this user and resource."},
	65004:   {oauth: "access_denied", text: "User declined to consent to access the app."},
	70000:   {oauth: "invalid_grant", text: "The provided value for the '%s' parameter is not valid."},
	70003:   {oauth: "unsupported_grant_type", text: "The app requested an unsupported grant type '%s'."},
	70005:   {oauth: "unsupported_response_type", text: "The app returned an unsupported response type '%s'."},
	70007:   {oauth: "invalid_request", text: "'%s' is not a supported value of 'response_mode' when requesting a token."},
	70008:   {oauth: "invalid_grant", text: "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource."},
	70011:   {oauth: "invalid_scope", text: "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid."},
	90002:   {oauth: "invalid_request", page: true, text: "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."},
	90015:   {oauth: "invalid_request", page: true, text: "Requested query string is too long."},
	90023:   {oauth: "invalid_request", text: "Unsupported '%s' value."},
	90094:   {oauth: "access_denied", page: true, text: "'Emulated app' needs permission to access resources in your organization that only an admin can grant. Please ask an admin to grant permission to this app before you can use it. (%s)"},
	500011:  {oauth: "invalid_resource", text: "The resource principal named %s was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."},
	500112:  {oauth: "invalid_grant", text: "The reply address '%s' does not match the reply address '%s' provided when requesting Authorization code."},
	501481:  {oauth: "invalid_grant", text: "The Code_Verifier does not match the code_challenge supplied in the authorization request."},
	501491:  {oauth: "invalid_request", text: "Invalid size of Code_Challenge parameter."},
	54005:   {oauth: "invalid_grant", text: "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."},
	650053:  {oauth: "invalid_client", text: "The application 'Emulated app' asked for scope '%s' that doesn't exist on the resource '%s'. Contact the app vendor."},
	700005:  {oauth: "invalid_grant", text: "The provided value for the 'code' parameter is not valid. It was issued to another tenant: %s."},
	700016:  {oauth: "unauthorized_client", page: true, text: "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."},
	700021:  {oauth: "invalid_client", status: http.StatusUnauthorized, text: "Client assertion application identifier doesn't match 'client_id' parameter. The issuer is '%s'."},
	700023:  {oauth: "invalid_client", status: http.StatusUnauthorized, text: "Client assertion audience claim does not match Realm issuer. The audience is '%s'."},
	700024:  {oauth: "invalid_client", status: http.StatusUnauthorized, text: "Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s."},
	700027:  {oauth: "invalid_client", status: http.StatusUnauthorized, text: "%s [Reason - %s, Thumbprint of key used by client: '%s'. Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '%s'.]"},
	700038:  {oauth: "unauthorized_client", page: true, text: "%s is not a valid application identifier."},
	700054:  {oauth: "unsupported_response_type", text: "response_type '%s' is not enabled for the application."},
	700082:  {oauth: "invalid_grant", text: "The refresh token has expired due to inactivity. The token was issued on %s and was inactive for 90.00:00:00."},
	700211:  {oauth: "invalid_client", status: http.StatusUnauthorized, text: "No matching federated identity record found for presented assertion issuer '%s'. " + checkFederation},
	700212:  {oauth: "invalid_client", status: http.StatusUnauthorized, text: "No matching federated identity record found for presented assertion audience '%s'. " + checkFederation},
	700213:  {oauth: "invalid_client", status: http.StatusUnauthorized, text: "No matching federated identity record found for presented assertion subject '%s'. " + checkFederation},
	900023:  {oauth: "invalid_request", page: true, text: "Specified tenant identifier '%s' is neither a valid DNS name, nor a valid external domain."},
	900144:  {oauth: "invalid_request", text: "The request body must contain the following parameter: '%s'."},
	900561:  {oauth: "invalid_request", text: "The endpoint only accepts POST requests. Received a %s request."},
	900971:  {oauth: "invalid_request", page: true, text: "No reply address provided."},
	7000215: {oauth: "invalid_client", status: http.StatusUnauthorized, text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'."},
	1002012: {oauth: "invalid_scope", text: "The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."},
	5002727: {oauth: "invalid_request", text: "Invalid JWT header type specified, must be 'JWT' or 'http://openid.net/specs/jwt/1.0'."},
	5002730: {oauth: "invalid_request", text: "Invalid JWT token. Unsupported key for the signing algorithm."},
	7000218: {oauth: "invalid_client", status: http.StatusUnauthorized, text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
	7000222: {oauth: "invalid_client", status: http.StatusUnauthorized, text: "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."},
	7000272: {oauth: "invalid_client", status: http.StatusUnauthorized, text: "The certificate used to sign the federated credential could not be found in the metadata of identity provider %s. Please validate that your Identity Provider's metadata exposes the key used to sign the incoming token."},
	7002138: {oauth: "invalid_client", status: http.StatusUnauthorized, text: "No matching federated identity record found for presented assertion subject '%s'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison."},
	9000411: {oauth: "invalid_request", text: "The request is not properly formatted. The parameter '%s' is duplicated."},
	9001023: {oauth: "invalid_request", text: "The grant type '%s' is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint."},
	9002313: {oauth: "invalid_request", text: "Invalid request. Request is malformed or invalid."},
	9002346: {oauth: "invalid_request", page: true, text: "Application '%s' is configured for use by Azure Active Directory users only. Please do not use the /consumers endpoint to serve this request."},
}

// aad returns the error with that AADSTS number, its text filled in.
func aad(code int, args ...any) *aadError {
	e, known := catalogue[code]
	if !known {
		panic("entratest: AADSTS" + strconv.Itoa(code) + " is not in the catalogue")
	}
	e.code = code
	e.text = fmt.Sprintf(e.text, args...)
	if e.status == 0 {
		e.status = http.StatusBadRequest
	}
	return &e
}

// as changes the OAuth error: some numbers are spelled differently by the two endpoints.
func (e *aadError) as(oauth string) *aadError {
	e.oauth = oauth
	return e
}

// onPage makes the error one that is shown, not redirected.
func (e *aadError) onPage() *aadError {
	e.page = true
	return e
}

// trace identifies one answer in Microsoft's logs.
type trace struct {
	id, correlation string
	at              time.Time
}

func newTrace(r *http.Request) trace {
	t := trace{id: newGUID(), correlation: r.Header.Get("client-request-id"), at: time.Now().UTC()}
	if t.correlation == "" {
		t.correlation = r.FormValue("client-request-id")
	}
	if !guid.MatchString(strings.ToLower(t.correlation)) {
		t.correlation = newGUID()
	}
	return t
}

const timestampLayout = "2006-01-02 15:04:05Z"

// describe is the error_description: text, trace and correlation id, time. entra: newer servers separate
// them with spaces, older ones with CRLF.
func (e *aadError) describe(t trace) string {
	number := ""
	if e.code != 0 {
		number = fmt.Sprintf("AADSTS%d: ", e.code)
	}
	return fmt.Sprintf("%s%s Trace ID: %s Correlation ID: %s Timestamp: %s",
		number, e.text, t.id, t.correlation, t.at.Format(timestampLayout))
}

// tokenError is the JSON body of a failed token request.
type tokenError struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
	URI           string `json:"error_uri,omitempty"`
	Suberror      string `json:"suberror,omitempty"`
	Claims        string `json:"claims,omitempty"`
}

// writeError answers a token or discovery request with e.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, e *aadError) {
	t := newTrace(r)
	body := tokenError{
		Error:         e.oauth,
		Description:   e.describe(t),
		Codes:         e.allCodes(),
		Timestamp:     t.at.Format(timestampLayout),
		TraceID:       t.id,
		CorrelationID: t.correlation,
		URI:           s.errorURI(e),
		Suberror:      e.suberror,
		Claims:        e.claims,
	}
	entraHeaders(w.Header(), t)
	writeJSON(w, e.status, body)
}

func (e *aadError) allCodes() []int {
	switch {
	case e.codes != nil:
		return e.codes
	case e.code == 0: // an error that a Fault made up
		return []int{}
	default:
		return []int{e.code}
	}
}

func (s *Server) errorURI(e *aadError) string {
	if e.code == 0 {
		return ""
	}
	return s.login + "/error?code=" + strconv.Itoa(e.code)
}

// redirectError is the error as parameters of an authorization response.
func (s *Server) redirectError(r *http.Request, e *aadError) url.Values {
	v := url.Values{"error": {e.oauth}}
	if e.subcode != "" { // entra: pressing Cancel gives no description
		v.Set("error_subcode", e.subcode)
		return v
	}
	v.Set("error_description", e.describe(newTrace(r)))
	v.Set("error_uri", s.errorURI(e))
	return v
}

// entraHeaders are what every answer of the sign-in service carries.
func entraHeaders(h http.Header, t trace) {
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "-1")
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("x-ms-request-id", t.id)
	h.Set("x-ms-ests-server", "2.1.00000.0 - EMULATOR ProdSlices")
	h.Set("x-ms-clitelem", "1,0,0,,")
	h.Set("x-ms-srs", "1.P")
	h.Set("P3P", `CP="DSP CUR OTPi IND OTRi ONL FIN"`)
}

// writeJSON writes body as Entra does: application/json with a charset.
func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic("entratest: " + err.Error()) // only a test's own tampered value can be unencodable
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // the client has gone; there is nobody to tell
}
