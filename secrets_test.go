package fibermsal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// tokenFaults lists the responses of the token endpoint other than tokens.
func tokenFaults() map[string]entratest.Fault {
	return map[string]entratest.Fault{
		"dropped":              {Drop: true},
		"answer lost":          {LoseAnswer: true},
		"truncated":            {Truncate: 700},
		"500":                  {Status: 500, Body: "<html>oops</html>"},
		"503":                  {Status: 503, Header: http.Header{"Retry-After": {"7"}}},
		"429 as text":          {Status: 429, Body: "slow down", Header: http.Header{"Retry-After": {"30"}, "Content-Type": {"text/plain"}}},
		"HTML with 200":        {Status: 200, Body: "<html>login</html>"},
		"empty object":         {Status: 200, Body: "{}"},
		"nothing":              {Status: 200},
		"redirect":             {Status: 302, Header: http.Header{"Location": {"https://evil.example/"}}},
		"error with 200":       {Status: 200, Body: `{"error":"invalid_grant"}`},
		"tokens of wrong type": {Status: 200, Body: `{"access_token":{"canary":1},"expires_in":"soon"}`},
		"invalid_grant":        {OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{50173}}},
		"invalid_client":       {Status: 401, OAuth: &entratest.OAuthError{Error: "invalid_client", Codes: []int{7000215}}},
		"consent":              {OAuth: &entratest.OAuthError{Error: "invalid_grant", Suberror: "consent_required", Codes: []int{65001}}},
	}
}

// When the test ends, the site checks that no log line or response contains a credential.
func TestF1_NoFaultShowsACredential(t *testing.T) {
	for name, fault := range tokenFaults() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, newIDP(t))
				var causes []error
				s.app.Get("/cause", func(c *fiber.Ctx) error {
					_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), tokenRequest())
					causes = append(causes, err)
					return err
				})
				b := s.browser()
				s.idp.Fault(entratest.Token, fault)
				if a := b.Send(b.approve(b.start(""), adele).Request()); a.StatusCode < 400 || a.Cookie(sessionCookie) != nil {
					t.Errorf("sign-in: status %d", a.StatusCode)
				}
				s.idp.ClearFaults()
				b.signIn(adele)
				time.Sleep(2 * time.Hour)
				s.idp.Fault(entratest.Token, fault)
				if a := b.Get("/cause"); a.StatusCode < 400 || a.Header.Get("Location") != "" {
					t.Errorf("refresh: status %d", a.StatusCode)
				}
				s.idp.ClearFaults()
				for _, cause := range causes {
					assertClean(t, s, cause)
				}
			})
		})
	}
}

// assertClean prints an error in every possible way.
func assertClean(t *testing.T, s *site, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		marshalled, _ := json.Marshal(e)
		text := fmt.Sprintf("%v %+v %#v %s %q", e, e, e, e, e) + string(marshalled)
		for _, secret := range s.idp.Secrets() {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%T shows a credential", e)
			}
		}
	}
}

func TestF2_RedisPasswordIsNotInTheError(t *testing.T) {
	t.Parallel()
	const database, reserved = "has a path that is not the number of a database", "must be percent-encoded"
	for address, says := range map[string]string{
		"S3cretPw":                              "is not a URL of the form redis://",
		"http://user:S3cretPw@host":             "is not a URL of the form redis://",
		"unix://:S3cretPw@":                     "has no path of a socket",
		"redis://user:S3cretPw@%zz/":            reserved,
		"redis://user:S3cretPw@host:bad-port/0": reserved,
		// Parts of a password in unexpected places are not shown either.
		"redis://user:6/S3cretPw@host:6379/0": reserved,
		"redis://user:6?S3cretPw@host:6379/0": reserved,
		"redis://user:6?S3cretPw#x@host/0":    reserved,
		"redis://user:6?S3cretPw#@host":       reserved,

		"redis://user:S3cretPw@host:6379/notanumber":                          database,
		"redis://user:S3cretPw@host:6379/0/1":                                 database,
		"redis://sentinel:26379/x?master_name=app&password=S3cretPw":          database,
		"redis://:S3cretPw@host:6379/0?read_timeout=S3cretPw":                 `has an unknown option "read_timeout"`,
		"redis://:S3cretPw@host:6379?read_timeout=1s&pool_siez=5":             `has an unknown option "pool_siez"`,
		"redis://:S3cretPw@host?addr=host:2&pool_size=S3cretPw":               `has an unknown option "pool_size"`,
		"redis://:S3cretPw@host?addr=S3cretPw":                                `has an unknown option "addr"`,
		"redis://:S3cretPw@host?addr=host:2&db=1":                             `has an unknown option "db"`,
		"redis://sentinel?master_name=app&password=S3cretPw&addr=S3cretPw":    `has an unknown option "addr"`,
		"redis://sentinel?master_name=app&password=S3cretPw&max_redirects=3":  `has an unknown option "max_redirects"`,
		"redis://sentinel?master_name=&password=S3cretPw":                     `has an unknown option "master_name"`,
		"redis://:S3cretPw@host:6379/1?addr=host:2":                           "names a database, but a Cluster has only number 0",
		"unix://:S3cretPw@/run/redis.sock?addr=host:2":                        "has the form unix://, which",
		"unix://:S3cretPw@/run/redis.sock?master_name=app":                    "has the form unix://, which",
		"redis://:S3cretPw@host?addr=host:2&route_randomly=true":              `has an option "route_randomly" that reads from replicas, which lag`,
		"redis://:S3cretPw@host?addr=host:2&route_by_latency=true":            `has an option "route_by_latency" that reads from replicas, which lag`,
		"redis://:S3cretPw@host?addr=host:2&read_only=true":                   `has an option "read_only" that reads from replicas, which lag`,
		"redis://sentinel?master_name=app&password=S3cretPw&replica_only=1":   `has an option "replica_only" that reads from replicas, which lag`,
		"redis://sentinel?master_name=app&password=S3cretPw&route_randomly=1": `has an option "route_randomly" that reads from replicas, which lag`,
	} {
		_, err := fibermsal.RedisStorage(address)
		if err == nil || !strings.HasPrefix(err.Error(), "fibermsal: RedisStorage: the URL "+says) && !strings.HasSuffix(err.Error(), says) {
			t.Errorf("%s: %v", address, err)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "S3cretPw") {
			t.Errorf("%s shows the password: %v", address, err)
		}
	}
}

func TestF3_LogLinesCannotBeForged(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	form := "state=" + state(t, b.start("")) + "&error=%0aFAKE&error_description=%0d%0a%7b%22level%22:%22ERROR%22%7d%E2%80%A8x" + strings.Repeat("y", 5000)
	b.Send(callback(form))
	lines := strings.Split(strings.TrimSpace(b.log.String()), "\n")
	for _, line := range lines {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Errorf("not a line of ours: %s", line)
		}
		if len(line) > 1500 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	if len(lines) != 2 { // what was refused, and the audit's
		t.Errorf("%d lines:\n%s", len(lines), b.log)
	}
}

func TestF4_PrintingShowsNoSecret(t *testing.T) {
	t.Parallel()
	cfg := configFor(newIDP(t))
	cfg.ClientSecret = "client-secret-canary"
	cfg.Keys = [][]byte{[]byte("key-canary-key-canary-key-canary")}
	auth, err := fibermsal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	for _, value := range []any{
		cfg, &cfg, auth, *fibermsal.ClaimsChallenge("{}"), fibermsal.ErrUnavailable, fibermsal.User{}, fibermsal.SignIn{}, &fibermsal.CacheAccessor{},
	} {
		marshalled, _ := json.Marshal(value)
		var line strings.Builder
		slog.New(slog.NewTextHandler(&line, nil)).Info("x", "value", value)
		text := fmt.Sprintf("%v %+v %#v %s", value, value, value, value) + string(marshalled) + line.String()
		for _, canary := range []string{"secret-canary", "key-canary", "107 101 121 45 99 97 110 97 114 121", "6b65792d63616e617279"} {
			if strings.Contains(text, canary) {
				t.Errorf("%T shows %q: %s", value, canary, text)
			}
		}
	}
}

// A new field must either be printed with a Config if it is set, or be listed here because it is a
// secret or has no text. Then only its name is printed.
func TestF1_EveryFieldOfAConfigIsShownOrNamedAsHidden(t *testing.T) {
	t.Parallel()
	hidden := map[string]bool{
		"ClientSecret": true, "PreviousSecrets": true, "Credential": true, "Keys": true, // secrets
		"Storage": true, "HTTPClient": true, "Logger": true, // may print their own
		"Next": true, "ErrorHandler": true, "Pages": true, "BeforeSignIn": true, "OnSignIn": true, "OnSignOut": true, "Groups": true, "Info": true,
	}
	if text := fmt.Sprint(fibermsal.Config{}); text != "fibermsal"+".Config{}" {
		t.Errorf("the empty one is %s", text)
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[fibermsal.Config]()) {
		var cfg fibermsal.Config
		set(reflect.ValueOf(&cfg).Elem().FieldByIndex(field.Index))
		var shown map[string]any
		text, err := json.Marshal(cfg)
		if err != nil || json.Unmarshal(text, &shown) != nil {
			t.Fatalf("%s: %s, %v", field.Name, text, err)
		}
		_, ok := shown[field.Name]
		if others := fmt.Sprint(shown["Others"]); ok == hidden[field.Name] || hidden[field.Name] != (others == "["+field.Name+"]") {
			t.Errorf("%s is hidden: %t, but printed: %s", field.Name, hidden[field.Name], text)
		}
	}
}

// set sets a field of a Config to a value that is not its zero value.
func set(field reflect.Value) {
	switch field.Kind() {
	case reflect.String:
		field.SetString("x")
	case reflect.Bool:
		field.SetBool(true)
	case reflect.Int, reflect.Int64:
		field.SetInt(1)
	case reflect.Slice:
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
	case reflect.Map:
		field.Set(reflect.MakeMap(field.Type()))
	case reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
	case reflect.Func:
		field.Set(reflect.MakeFunc(field.Type(), nil))
	default:
		for _, value := range []any{fibermsal.ManagedIdentity("", ""), newLedger()} {
			if v := reflect.ValueOf(value); v.Type().AssignableTo(field.Type()) {
				field.Set(v)
			}
		}
	}
}
