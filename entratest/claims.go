package entratest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// claimsRequest is the claims parameter: OpenID Connect Core, 5.5, with Entra's access_token member.
type claimsRequest struct {
	AccessToken map[string]*claimRequest `json:"access_token"`
	IDToken     map[string]*claimRequest `json:"id_token"`
}

// claimRequest is what is asked of one claim; nil asks for the claim with any value.
type claimRequest struct {
	Value  any   `json:"value"`
	Values []any `json:"values"`
}

// readClaims reads the parameter; without one nothing is asked.
func readClaims(raw string) (claimsRequest, *aadError) {
	var c claimsRequest
	if raw == "" {
		return c, nil
	}
	if !strings.HasPrefix(strings.TrimSpace(raw), "{") || json.Unmarshal([]byte(raw), &c) != nil {
		return c, aad(9002313)
	}
	return c, nil
}

// texts are the values asked for.
func (c *claimRequest) texts() []string {
	if c == nil {
		return nil
	}
	var out []string
	for _, value := range append([]any{c.Value}, c.Values...) {
		if value != nil {
			out = append(out, fmt.Sprint(value))
		}
	}
	return out
}

// contextID is the form of an authentication context's id. entra: c1 to c99.
var contextID = regexp.MustCompile(`^c[1-9][0-9]?$`)

// contexts are the authentication contexts asked for in either token. Others than c1 to c99 do not exist and
// are passed over.
func (c claimsRequest) contexts() []string {
	var out []string
	for _, id := range append(c.AccessToken["acrs"].texts(), c.IDToken["acrs"].texts()...) {
		if id = strings.ToLower(id); contextID.MatchString(id) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// lacking returns the contexts asked for that are not among those satisfied.
func (c claimsRequest) lacking(satisfied []string) []string {
	return slices.DeleteFunc(c.contexts(), func(id string) bool { return slices.Contains(satisfied, id) })
}

// notBefore is when the sign-in must have been at the earliest, from a challenge after a revocation.
func (c claimsRequest) notBefore() time.Time {
	for _, text := range c.AccessToken["nbf"].texts() {
		if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
			return time.Unix(seconds, 0)
		}
	}
	return time.Time{}
}

// capable tells whether the client declares the capability cp1: "I understand claims challenges".
func (c claimsRequest) capable() bool {
	return slices.ContainsFunc(c.AccessToken["xms_cc"].texts(), func(v string) bool { return strings.EqualFold(v, "cp1") })
}

// wanted is what the request asks of the ID token itself.
func (c claimsRequest) wanted() wanted {
	_, authTime := c.IDToken["auth_time"]
	return wanted{authTime: authTime, acrs: len(c.IDToken["acrs"].texts()) > 0}
}

// demandContext is the claims parameter that asks for an authentication context.
func demandContext(id string) string {
	return `{"access_token":{"acrs":{"essential":true,"value":"` + id + `"}}}`
}
