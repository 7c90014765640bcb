// Package aadsts says what an administrator must do about Entra's error numbers.
//
// The numbers are for people: what the library itself does is decided by the
// protocol's error and suberror, as Microsoft asks, because numbers and texts change.
package aadsts

import (
	"regexp"
	"strconv"
)

// advice is by the number that follows "AADSTS".
var advice = map[int]string{
	16000:   "several accounts are signed in in this browser and Entra may not ask which one: sign in interactively",
	28002:   "the scopes in the request are invalid: check Config.Scopes",
	28003:   "the request has no scope that Entra knows: check Config.Scopes",
	50001:   "the resource is not known in this tenant: check the scopes, and that its enterprise application exists",
	50011:   "the redirect URI is not registered: add PublicURL + RoutePrefix + /authorized, letter by letter, to the registration's platform Web",
	50020:   "the account is not of this tenant: invite it as a guest, or sign in with another one",
	50034:   "the account does not exist in this tenant",
	50053:   "the account is locked for too many attempts, or the address is blocked",
	50055:   "the password has expired: the user must change it",
	50057:   "the account is disabled",
	50058:   "nobody is signed in to Entra in this browser: sign in interactively",
	50059:   "the request does not name a tenant: check TenantID or Authority",
	50076:   "Conditional Access wants multi-factor authentication: sign in again",
	50079:   "the user must register for multi-factor authentication",
	50097:   "Conditional Access wants a registered device",
	50105:   "the user is not assigned to the app: assign user or group in the enterprise application, or turn off \"Assignment required\"",
	50126:   "wrong user name or password",
	50131:   "Conditional Access refused the device, the place or the sign-in",
	50132:   "the session was revoked or the password changed: sign in again",
	50133:   "the session has ended because the password changed: sign in again",
	50140:   "the user was interrupted by \"Keep me signed in\": sign in again",
	50146:   "the registration needs an app-specific signing key",
	50158:   "an external provider of Conditional Access wants the user: sign in again",
	50173:   "the sessions of the user were revoked: they must sign in again",
	50194:   "the registration is for one tenant: set TenantID to it instead of common or organizations",
	50196:   "Entra saw a loop of requests: look at the log for repeated sign-ins",
	53000:   "Conditional Access wants a compliant device",
	53001:   "Conditional Access wants a domain-joined device",
	53002:   "Conditional Access wants an approved app",
	53003:   "Conditional Access blocks this sign-in: ask who manages its policies",
	54005:   "the code was redeemed before: the browser repeated the request, or another app uses the same redirect URI",
	65001:   "the permission has not been consented to: have the user or an administrator consent, see Auth.AdminConsentURL",
	65004:   "the user declined the consent",
	65005:   "the registration lacks a permission that the request asks for: add it under API permissions",
	70000:   "the code or refresh token is not valid: sign in again",
	70008:   "the code or refresh token has expired: sign in again",
	70011:   "a scope is not valid: check Config.Scopes; .default stands alone",
	70021:   "no federated credential matches the token: compare issuer, subject and audience with the registration's",
	70043:   "the sign-in frequency of Conditional Access ended the session: sign in again",
	70044:   "the session has expired by Conditional Access: sign in again",
	90002:   "the tenant does not exist: check TenantID, and that the cloud is the right one",
	90014:   "a parameter is missing in the request",
	90015:   "the request is too long",
	90033:   "Entra has a fault: try again later",
	90072:   "the account must be invited to this tenant as a guest first",
	90094:   "an administrator must consent to the permission: see Auth.AdminConsentURL",
	90095:   "an administrator must approve the user's request for consent",
	500011:  "the resource of a scope is not known in this tenant: check the scopes and the API's enterprise application",
	500112:  "the redirect URI of the token call differs from that of the sign-in: do all instances have one PublicURL?",
	500113:  "no redirect URI is registered: add PublicURL + RoutePrefix + /authorized to the platform Web",
	500121:  "the second factor was denied or timed out",
	500133:  "the client assertion is outside its validity: check the clock of this machine",
	501481:  "the PKCE verifier does not fit: was the response delivered to another instance with other keys?",
	530002:  "Conditional Access wants a compliant device",
	530003:  "Conditional Access wants a registered device",
	650052:  "the app needs a service that this tenant has not subscribed to",
	650053:  "a scope does not exist at its resource: check Config.Scopes",
	650056:  "the registration has no permissions, or consent is missing: an administrator must consent",
	650057:  "the resource is not among the registration's API permissions",
	700003:  "the user's device was not found in the directory",
	700016:  "the app is not in this tenant: check ClientID and TenantID, or have an administrator consent",
	700021:  "the client assertion names another app: issuer and subject must be ClientID",
	700211:  "no federated credential has this issuer: compare it with the registration's",
	700212:  "no federated credential has this audience: it must be api://AzureADTokenExchange",
	700213:  "no federated credential has this subject: compare it with the registration's",
	700023:  "the client assertion's audience is not the token endpoint: is Authority that of the registration's cloud?",
	700024:  "the client assertion is outside its validity: check the clock of this machine",
	700025:  "the registration is a public client: register the platform Web",
	700027:  "the certificate is not registered, or the signature is wrong: upload the certificate's public part to the registration",
	700038:  "ClientID is not a GUID of an app",
	700054:  "ID tokens are not enabled for the implicit flow, which this library does not use",
	700082:  "the refresh token was not used for 90 days: sign in again",
	700084:  "the redirect URI is registered as a single-page app: register it under Web",
	900023:  "the tenant's name is not valid: check TenantID",
	900144:  "a parameter is missing in the request",
	900561:  "the token endpoint was called by GET: does a proxy change requests?",
	900971:  "no redirect URI was given",
	7000112: "the app is disabled: enable the enterprise application",
	7000215: "the client secret is wrong: copy its Value, not its Secret ID, from the registration",
	7000218: "the client secret is missing: set ClientSecret, or register the redirect URI under Web",
	7000222: "the client secret or certificate has expired: make a new one in the registration; PreviousSecrets lets both count",
	9002313: "the request is malformed",
	9002325: "PKCE is required for this redirect URI: register it under Web",
	9002326: "the redirect URI is registered as a single-page app: register it under Web",
	9002327: "the redirect URI is registered as a single-page app: register it under Web",
	9002331: "the app is for personal accounts only: use the authority consumers, and list their tenant",
	9002332: "the app is not enabled for personal accounts",
}

// Advice is what to do about the first of the numbers that is known, or "".
func Advice(numbers ...int) string {
	for _, n := range numbers {
		if a := advice[n]; a != "" {
			return a
		}
	}
	return ""
}

var number = regexp.MustCompile(`AADSTS([0-9]{4,8})`)

// Numbers are those that a description names: the authorize endpoint tells them in no
// other way.
func Numbers(description string) (numbers []int) {
	for _, match := range number.FindAllStringSubmatch(description, 4) {
		n, err := strconv.Atoi(match[1])
		if err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
