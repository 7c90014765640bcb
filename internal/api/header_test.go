package api_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/api"
	"github.com/fibermsal/fibermsal/internal/autherr"
)

// headers is a request with headers Authorization and a query.
type headers struct {
	values []string
	query  url.Values
}

func (h headers) Authorization() ([]byte, int) {
	if len(h.values) == 0 {
		return nil, 0
	}
	return []byte(h.values[0]), len(h.values)
}

func (h headers) HasQuery(name string) bool { return h.query.Has(name) }

var (
	ofBearer = regexp.MustCompile(`^(?i:bearer)( |$)`)
	asRFC    = regexp.MustCompile(`^(?i:bearer) +([A-Za-z0-9._~+/-]+=*) *$`)
)

// FuzzTokenOf compares the parsed header with the grammar of RFC 6750 section 2.1.
func FuzzTokenOf(f *testing.F) {
	for _, value := range []string{
		"", " ", "Bearer", "Bearer ", "bearer x", "BEARER x.y.z", "Bearer  x  ", "Bearer\tx", "Bearer x y", "Bearer x=", "Bearer x==", "Bearer =", "Bearer x=y",
		"Basic YTpi", "Bearerx", "Bearer x, Bearer y", "Bearer \x00", "Bearer x\x00", "Bearer ä", "Bearer \xff", "Bearer x\n", "Bearer a-._~+/0Z", `Bearer "x"`, "B\u0435arer x",
		"Bearer " + strings.Repeat("x", api.MaxToken), "Bearer " + strings.Repeat("x", api.MaxToken+1), "Bearer x" + strings.Repeat("=", 100), "\u212aearer x", "bearer\u00a0x",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		token, err := api.TokenOf(headers{values: []string{value}})
		match := asRFC.FindStringSubmatch(value)
		switch {
		case !ofBearer.MatchString(value):
			if token != nil || err != nil {
				t.Fatalf("%q is not of the scheme: %q, %v", value, token, err)
			}
		case match == nil || len(match[1]) > api.MaxToken:
			if e, ok := autherr.Find(err); token != nil || !ok || e.Status != 400 || value != "" && len(value) > 20 && strings.Contains(err.Error(), value) {
				t.Fatalf("%.100q is malformed: %.100q, %v", value, token, err)
			}
		case err != nil || string(token) != match[1]:
			t.Fatalf("%.100q: %.100q, %v", value, token, err)
		}
	})
}

func TestTokenOf_IsOneHeader(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		values []string
		query  string
		token  string
		reason string
	}{
		"none":                 {nil, "", "", ""},
		"one":                  {[]string{"Bearer x"}, "", "x", ""},
		"another scheme":       {[]string{"Basic x"}, "", "", ""},
		"two":                  {[]string{"Bearer x", "Bearer x"}, "", "", "authorization_repeated"},
		"two of other schemes": {[]string{"Basic x", "Digest y"}, "", "", "authorization_repeated"},
		"in the query":         {nil, "access_token=x", "", "token_in_query"},
		"in both":              {[]string{"Bearer x"}, "access_token=x", "", "token_in_query"},
		"without a value":      {nil, "access_token", "", "token_in_query"},
		"a similar name":       {nil, "ACCESS_TOKEN=x", "", ""},
		"too long":             {[]string{"Bearer " + strings.Repeat("x", api.MaxToken+1)}, "", "", "token_too_long"},
		"as long as it may be": {[]string{"Bearer " + strings.Repeat("x", api.MaxToken)}, "", strings.Repeat("x", api.MaxToken), ""},
		"malformed":            {[]string{"Bearer x y"}, "", "", "authorization_malformed"},
	} {
		query, err := url.ParseQuery(row.query)
		if err != nil {
			t.Fatal(err)
		}
		token, err := api.TokenOf(headers{values: row.values, query: query})
		reason := ""
		if e, ok := autherr.Find(err); ok {
			reason = e.Reason
		}
		if string(token) != row.token || reason != row.reason {
			t.Errorf("%s: %.60q, %q", name, token, reason)
		}
	}
}
