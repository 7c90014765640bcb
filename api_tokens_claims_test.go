package fibermsal_test

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

// Reasons for which the claims of a token are refused.
const (
	malformedToken = "access_token_malformed"
	wrongVersion   = "access_token_version"
	wrongIssuer    = "access_token_issuer"
	wrongTenant    = "tenant_not_allowed"
	wrongAudience  = "access_token_audience"
	outOfTime      = "access_token_time"
	claimsMissing  = "access_token_claims"
	anIDToken      = "access_token_is_id_token"
	noPermission   = "access_token_without_permission"
)

// issuerRows are tokens of other issuers, tenants, clouds and versions. issuers are those of both versions.
func issuerRows(version int, issuers [3]string) []tokenRow {
	issuer := issuers[version]
	moved := func(tenant string) func(*entratest.AccessToken) {
		return func(a *entratest.AccessToken) { moveTo(a.Claims, tenant) }
	}
	otherCloud := map[string]string{"https://sts.windows.net/": "https://sts.chinacloudapi.cn/", "https://login.entra.test/": "https://login.microsoftonline.us/"}
	host, _, _ := strings.Cut(strings.TrimPrefix(issuer, "https://"), "/")
	tenant := strings.Split(issuer, "/")[3]
	return []tokenRow{
		{"another tenant", wrongTenant, moved(otherTenant)},
		{"personal accounts", wrongTenant, moved(consumersTenant)},
		{"every tenant", wrongTenant, moved("{tenantid}")},
		{"the issuer of one tenant, tid of another", wrongTenant, claim("tid", otherTenant)},
		{"tid of one tenant, the issuer of another", wrongIssuer, claim("iss", strings.Replace(issuer, tenant, otherTenant, 1))},
		{"the issuer of the other version", wrongIssuer, claim("iss", issuers[3-version])},
		{"the issuer of another cloud", wrongIssuer, claim("iss", strings.Replace(issuer, "https://"+host+"/", otherCloud["https://"+host+"/"], 1))},
		{"another host", wrongIssuer, claim("iss", strings.Replace(issuer, host, "evil.example", 1))},
		{"the issuer as a part", wrongIssuer, claim("iss", "https://evil.example/?"+issuer)},
		{"one more slash", wrongIssuer, claim("iss", issuer+"/")},
		{"upper case", wrongIssuer, claim("iss", strings.ToUpper(issuer))},
		{"plain http", wrongIssuer, claim("iss", strings.Replace(issuer, "https", "http", 1))},
		{"the placeholder of the metadata", wrongIssuer, claim("iss", strings.Replace(issuer, tenant, "{tenantid}", 1))},
		{"no issuer", wrongIssuer, claim("iss", nil)},
		{"a list as issuer", malformedToken, claim("iss", []string{issuer})},
		{"no tid", wrongTenant, claim("tid", nil)},
		{"an empty tid", wrongTenant, claim("tid", "")},
		{"tid in upper case", wrongTenant, changes(claim("tid", strings.ToUpper(tenant)), claim("iss", strings.Replace(issuer, tenant, strings.ToUpper(tenant), 1)))},
		{"a number as tid", malformedToken, claim("tid", 7)},
		{"null as tid", malformedToken, claim("tid", json.RawMessage("null"))},
		{"tid and more", wrongTenant, claim("tid", tenant+"/v2.0")},
		{"no version", wrongVersion, claim("ver", nil)},
		{"version 3", wrongVersion, claim("ver", "3.0")},
		{"version 2 without a point", wrongVersion, claim("ver", "2")},
		{"a number as version", malformedToken, claim("ver", version)},
		{"the claim of the other version alone", claimsMissing, claim("ver", []string{1: "2.0", 2: "1.0"}[version])},
	}
}

// audienceRows are tokens for other APIs. own is the audience of an honest token.
func audienceRows(version int, own string) []tokenRow {
	other := map[int]string{1: strings.TrimPrefix(own, "api://"), 2: "api://" + own}[version] // that of the other version
	slash := map[int]string{1: ofAUser, 2: wrongAudience}[version]
	return []tokenRow{
		{"for another API", wrongAudience, claim("aud", "api://"+otherTenant)},
		{"for Graph", wrongAudience, claim("aud", "https://graph.microsoft.com")},
		{"for Graph by its ID", wrongAudience, claim("aud", "00000003-0000-0000-c000-000000000000")},
		{"no audience", wrongAudience, claim("aud", nil)},
		{"an empty audience", malformedToken, claim("aud", "")},
		{"a number as audience", malformedToken, claim("aud", 7)},
		{"no audience in a list", malformedToken, claim("aud", []string{})},
		{"for this and another", wrongAudience, claim("aud", []string{own, "other"})},
		{"for this in a list", ofAUser, claim("aud", []string{own})},
		{"for this with a slash", slash, claim("aud", own+"/")},
		{"for this with two slashes", wrongAudience, claim("aud", own+"//")},
		{"for a part of this", wrongAudience, claim("aud", own+"/orders")},
		{"for what begins like this", wrongAudience, claim("aud", own+"0")},
		{"for what this begins with", wrongAudience, claim("aud", own[:len(own)-1])},
		{"for this in upper case", wrongAudience, claim("aud", strings.ToUpper(own))},
		{"for this as the other version writes it", wrongAudience, claim("aud", other)},
	}
}

// timeRows are tokens of other times. Clocks differ by five minutes at most.
func timeRows() []tokenRow {
	at := func(name string, after time.Duration) func(*entratest.AccessToken) {
		return func(a *entratest.AccessToken) { a.Claims[name] = time.Now().Add(after).Unix() }
	}
	return []tokenRow{
		{"expired 4 minutes ago", ofAUser, at("exp", -4*time.Minute)},
		{"expired 6 minutes ago", outOfTime, at("exp", -6*time.Minute)},
		{"valid in 4 minutes", ofAUser, at("nbf", 4*time.Minute)},
		{"valid in 6 minutes", outOfTime, at("nbf", 6*time.Minute)},
		{"issued in 6 minutes", outOfTime, at("iat", 6*time.Minute)},
		{"expired before 1970", outOfTime, claim("exp", -1)},
		{"expires in the year 9999", outOfTime, claim("exp", int64(253402300799))}, // Entra's live for a day at most
		{"expires never", malformedToken, claim("exp", json.RawMessage("1e300"))},
		{"a text as exp", malformedToken, claim("exp", "9999999999")},
		{"a list as nbf", malformedToken, claim("nbf", []int{1})},
		{"null as exp", malformedToken, claim("exp", json.RawMessage("null"))},
		{"no exp", claimsMissing, claim("exp", nil)},
		{"no nbf", claimsMissing, claim("nbf", nil)},
		{"no iat", claimsMissing, claim("iat", nil)},
	}
}

// kindRows are tokens that are no access tokens, or of other callers.
func kindRows(version int) []tokenRow {
	client := map[int]string{1: "appid", 2: "azp"}[version]
	app := changes(claim("scp", nil), func(a *entratest.AccessToken) { a.Claims["sub"] = a.Claims["oid"] })
	return []tokenRow{
		{"with a nonce", anIDToken, claim("nonce", "n")},
		{"with the hash of an access token", anIDToken, claim("at_hash", "x")},
		{"with the hash of a code", anIDToken, claim("c_hash", "x")},
		{"no client", claimsMissing, claim(client, nil)},
		{"the client as the other version writes it", claimsMissing, changes(claim(client, nil), claim(map[int]string{1: "azp", 2: "appid"}[version], "x"))},
		{"an empty client", claimsMissing, claim(client, "")},
		{"a list as client", malformedToken, claim(client, []string{"x"})},
		{"no oid", claimsMissing, claim("oid", nil)},
		{"a number as oid", malformedToken, claim("oid", 7)},
		{"no sub", claimsMissing, claim("sub", nil)},
		{"neither scopes nor roles", noPermission, changes(claim("scp", nil), claim("roles", nil))},
		{"empty scopes", noPermission, changes(claim("scp", " "), claim("roles", []string{}))},
		{"scopes that are no text", noPermission, changes(claim("scp", []string{"access_as_user"}), claim("roles", nil))},
		{"only roles", ofAUser, claim("scp", nil)},
		{"an app by idtyp", ofAnApp, changes(app, claim("idtyp", "app"))},
		{"an app without idtyp", ofAnApp, app},
		{"a device", ofAnApp, changes(app, claim("idtyp", "device"))},
		{"an app with scopes", ofAnApp, claim("idtyp", "app")},
		{"a number as idtyp", malformedToken, claim("idtyp", 1)},
		{"a user by idtyp", ofAUser, changes(claim("scp", nil), claim("idtyp", "user"))},
	}
}

// formRows are tokens whose claims parsers read in different ways (RFC 7519 section 4).
func formRows(own string) []tokenRow {
	first := func(member string) func(*entratest.AccessToken) {
		return payload(func(c string) string { return "{" + member + "," + c[1:] })
	}
	last := func(member string) func(*entratest.AccessToken) {
		return payload(func(c string) string { return c[:len(c)-1] + "," + member + "}" })
	}
	return []tokenRow{
		{"another audience first", malformedToken, first(`"aud":"other"`)},
		{"another audience last", malformedToken, last(`"aud":"other"`)},
		{"the audience twice", malformedToken, first(`"aud":"` + own + `"`)},
		{"another tid, escaped", malformedToken, first(`"\u0074id":"` + otherTenant + `"`)},
		{"a later exp", malformedToken, last(`"exp":9999999999`)},
		{"more scopes", malformedToken, last(`"scp":"Orders.Write"`)},
		{"a claim that nobody reads, twice", malformedToken, last(`"x":1,"x":1`)},
		{"the audience in upper case besides", ofAUser, last(`"AUD":"other"`)}, // is another claim
		{"the audience in upper case only", wrongAudience, payload(func(c string) string { return strings.Replace(c, `"aud"`, `"AUD"`, 1) })},
		{"a list of claims", malformedToken, payload(func(c string) string { return "[" + c + "]" })},
		{"more behind the claims", malformedToken, payload(func(c string) string { return c + "{}" })},
		{"claims that are cut off", malformedToken, payload(func(c string) string { return c[:len(c)-1] })},
		{"null", malformedToken, payload(func(string) string { return "null" })},
		{"nothing", malformedToken, payload(func(string) string { return "" })},
		{"spaces around the claims", ofAUser, payload(func(c string) string { return " \n" + c + "\t" })},
	}
}
