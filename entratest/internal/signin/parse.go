package signin

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/claims"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/registration"
)

// maxQuery is the length of an authorize query beyond which Entra refuses it (AADSTS90015). Its own limit is
// not published; this one is certainly below it.
const maxQuery = 4096

// parse validates an authorization request in Entra's order. With an error the request is returned as far as
// it was understood; without a redirectURI the error can only be shown.
func (s *Service) parse(segment string, params url.Values) (*request, *aadsts.Error) {
	req := &request{action: "/" + segment + "/login", params: params, mode: "query", maxAge: -1}
	var fail *aadsts.Error
	if req.tenants, fail = s.Directory.Resolve(segment); fail != nil {
		return req, fail
	}
	if len(params.Encode()) > maxQuery {
		return req, aadsts.New(90015)
	}
	if fail := s.parseTarget(req, segment); fail != nil {
		return req, fail
	}
	if params.Get("prompt") == "create" && !s.Origins.External { // for which only External ID has a page
		return req, aadsts.New(90023, "prompt")
	}
	if fail := req.parseShape(); fail != nil {
		return req, fail
	}
	if s.App.IsSPA(req.redirectURI) && params.Get("code_challenge") == "" {
		return req, aadsts.New(9002325)
	}
	req.prompt = params.Get("prompt")
	req.hint = directory.FindHint(params.Get("login_hint"), req.tenants)
	req.scopes, fail = s.Scopes.Parse(params.Get("scope"))
	return req, fail
}

// parseTarget checks the parameters whose errors never leave the page, because sending users to an address
// that is not registered would be an open redirect.
func (s *Service) parseTarget(req *request, segment string) *aadsts.Error {
	if name := registration.Repeated(req.params); name != "" {
		return aadsts.New(9000411, name).OnPage()
	}
	if fail := s.App.CheckClientID(req.params.Get("client_id"), segment); fail != nil {
		return fail.OnPage()
	}
	switch uri := req.params.Get("redirect_uri"); {
	case uri == "":
		return aadsts.New(900971)
	case !s.App.MayReceive(uri):
		return aadsts.New(50011, uri, s.App.ClientID)
	default:
		req.redirectURI = uri
		return nil
	}
}

var (
	responseModes = []string{"query", "fragment", "form_post"}
	prompts       = []string{"", "login", "none", "consent", "select_account", "create"}
	implicitTypes = []string{"id_token", "token", "code id_token", "id_token token", "code token", "code id_token token"}
	challenge     = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
)

// parseShape checks the parameters whose errors the app receives.
func (req *request) parseShape() *aadsts.Error {
	p := req.params
	if mode := p.Get("response_mode"); mode != "" {
		if !slices.Contains(responseModes, mode) {
			return aadsts.New(70007, mode)
		}
		req.mode = mode
	}
	switch kind := p.Get("response_type"); {
	case kind == "":
		return aadsts.New(900144, "response_type")
	case slices.Contains(implicitTypes, kind):
		return aadsts.New(700054, kind)
	case kind != "code":
		return aadsts.New(70005, kind)
	case strings.TrimSpace(p.Get("scope")) == "":
		return aadsts.New(900144, "scope")
	case !slices.Contains(prompts, p.Get("prompt")):
		return aadsts.New(90023, "prompt")
	}
	var fail *aadsts.Error
	if req.claims, fail = claims.Read(p.Get("claims")); fail != nil {
		return fail
	}
	if p.Has("max_age") {
		seconds, err := strconv.ParseUint(p.Get("max_age"), 10, 31)
		if err != nil {
			return aadsts.New(90023, "max_age")
		}
		req.maxAge = time.Duration(seconds) * time.Second
	}
	return checkChallenge(p.Get("code_challenge"), p.Get("code_challenge_method"))
}

// checkChallenge accepts PKCE with S256, and requests without PKCE. Entra also supports plain, which is
// even its default. The emulator refuses plain, because it does not protect an app.
func checkChallenge(value, method string) *aadsts.Error {
	switch {
	case value == "" && method == "":
		return nil
	case method != "S256":
		return aadsts.New(90023, "code_challenge_method")
	case !challenge.MatchString(value):
		return aadsts.New(501491)
	default:
		return nil
	}
}
