// Package claims reads and writes the claims parameter.
package claims

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
)

// Request is the claims parameter: OpenID Connect Core, 5.5, with Entra's access_token member.
type Request struct {
	AccessToken map[string]*claim `json:"access_token"`
	IDToken     map[string]*claim `json:"id_token"`
}

// claim is the request for one claim; nil requests the claim with any value.
type claim struct {
	Value  any   `json:"value"`
	Values []any `json:"values"`
}

// Read reads the parameter; an empty one requests nothing.
func Read(raw string) (Request, *aadsts.Error) {
	var c Request
	if raw == "" {
		return c, nil
	}
	if !strings.HasPrefix(strings.TrimSpace(raw), "{") || json.Unmarshal([]byte(raw), &c) != nil {
		return c, aadsts.New(9002313)
	}
	return c, nil
}

// texts are the requested values.
func (c *claim) texts() []string {
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

var contextID = regexp.MustCompile(`^c[1-9][0-9]?$`)

// IsContext reports whether id has the form of an authentication context's id. entra: c1 to c99.
func IsContext(id string) bool { return contextID.MatchString(id) }

// Contexts are the authentication contexts requested for either token. Others than c1 to c99 do not exist and
// are ignored.
func (c Request) Contexts() []string {
	var out []string
	for _, id := range append(c.AccessToken["acrs"].texts(), c.IDToken["acrs"].texts()...) {
		if id = strings.ToLower(id); IsContext(id) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// Lacking returns the requested contexts that are not among those satisfied.
func (c Request) Lacking(satisfied []string) []string {
	return slices.DeleteFunc(c.Contexts(), func(id string) bool { return slices.Contains(satisfied, id) })
}

// NotBefore is the earliest acceptable time of a sign-in, from a challenge after a revocation.
func (c Request) NotBefore() time.Time {
	for _, text := range c.AccessToken["nbf"].texts() {
		if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
			return time.Unix(seconds, 0)
		}
	}
	return time.Time{}
}

// Capable reports whether the client declares the capability cp1: "I understand claims challenges".
func (c Request) Capable() bool {
	return slices.ContainsFunc(c.AccessToken["xms_cc"].texts(), func(v string) bool { return strings.EqualFold(v, "cp1") })
}

// Wanted lists the claims that an authorization request adds to the ID token, besides the
// registration's optional claims.
type Wanted struct{ AuthTime, ACRs bool }

// Wanted returns the claims that the request adds to the ID token.
func (c Request) Wanted() Wanted {
	_, authTime := c.IDToken["auth_time"]
	return Wanted{AuthTime: authTime, ACRs: len(c.IDToken["acrs"].texts()) > 0}
}

// DemandContext returns the claims parameter that requires an authentication context.
func DemandContext(id string) string {
	return `{"access_token":{"acrs":{"essential":true,"value":"` + id + `"}}}`
}

// DemandSignIn returns the claims parameter that requires a sign-in after the given time. entra: with a
// space.
func DemandSignIn(since time.Time) string {
	return `{"access_token":{"nbf":{"essential":true, "value":"` + strconv.FormatInt(since.Unix(), 10) + `"}}}`
}
