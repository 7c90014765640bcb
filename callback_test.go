package fibermsal_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestA1_CallbackWithoutAFlowOfThisBrowser(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	other := s.browser()
	foreign := state(t, other.start(""))
	b := s.browser()
	own := state(t, b.start(""))
	for name, row := range map[string]struct {
		form, reason string
		anonymous    bool
		resumed      bool
	}{
		"empty jar, plausible state":   {"code=x&state=" + own, "no_flow", true, true},
		"another browser's state":      {"code=x&state=" + foreign, "no_flow", false, true},
		"no state":                     {"code=x", "malformed_response", false, false},
		"empty state":                  {"code=x&state=", "malformed_response", false, false},
		"short state":                  {"code=x&state=" + own[:42], "malformed_response", false, false},
		"truncated state":              {"code=x&state=" + own[:len(own)-1], "state_unknown", false, false},
		"state with one more":          {"code=x&state=" + own + "A", "state_unknown", false, false},
		"state of zeros":               {"code=x&state=" + strings.Repeat("A", len(own)), "state_unknown", false, false},
		"long state":                   {"code=x&state=" + strings.Repeat("A", 1500), "malformed_response", false, false},
		"state of earlier versions":    {"code=x&state=" + strings.Repeat("A", 43), "state_unknown", false, false},
		"state with another last byte": {"code=x&state=" + own[:len(own)-1] + "-", "state_unknown", false, false},
	} {
		t.Log(name)
		victim := b
		if row.anonymous {
			victim = s.browser()
		}
		if a := victim.Send(callback(row.form)); row.resumed {
			victim.assertResumed(a, "/", row.reason)
		} else {
			victim.assertRejected(a, http.StatusBadRequest, row.reason)
		}
	}
	if n := s.idp.Count(entratest.Token); n != 0 {
		t.Errorf("%d token calls", n)
	}
	if keys := l.keys(); len(keys) != 0 {
		t.Errorf("stored: %v", keys)
	}
}

func TestA2_AttackersResponseInTheVictimsBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	attacker, victim := s.browser(), s.browser()
	victim.signIn(adele)
	before := victim.session()
	response := attacker.approve(attacker.start(""), alex)
	victim.assertResumed(victim.Send(response.Request()), "/", "no_flow")
	if victim.session() != before || victim.user() != adele {
		t.Error("the victim's session changed")
	}
}

func TestA4_StaleFlowSignsNobodyInAndStartsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t)).browser()
		response := b.approve(b.start("/guarded"), adele)
		time.Sleep(11 * time.Minute)
		a := b.Send(response.Request())
		b.assertResumed(a, "/guarded", "flow_expired")
		if n := b.idp.Count(entratest.Token); n != 0 {
			t.Errorf("%d token calls", n)
		}
	})
}

func TestA5_ParallelTabsDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	var responses []*entratest.Response
	for range 3 {
		responses = append(responses, b.approve(b.start(""), adele))
	}
	for _, i := range []int{1, 2, 0} {
		if a := b.Send(responses[i].Request()); a.StatusCode != http.StatusSeeOther {
			t.Errorf("tab %d: status %d", i+1, a.StatusCode)
		}
	}
	if keys := l.keys(); len(keys) != 2 {
		t.Errorf("only the last session is anybody's, its tokens and itself: %v", keys)
	}
}

func TestA7_InjectedCodeIsRefused(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		anyVerifier bool
		reason      string
	}{
		"by PKCE":                        {false, "code_refused"},
		"by the nonce where PKCE failed": {true, "id_token_nonce"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newIDP(t))
			s.idp.AcceptAnyVerifier(row.anyVerifier)
			attacker, victim := s.browser(), s.browser()
			stolen := attacker.approve(attacker.start(""), alex).Values.Get("code")
			response := victim.approve(victim.start(""), adele)
			response.Values.Set("code", stolen)
			victim.assertRejected(victim.Send(response.Request()), http.StatusBadRequest, row.reason)
		})
	}
}

func TestA9_MixUpOfTwoAppsOnOneHost(t *testing.T) {
	t.Parallel()
	// Two registrations have the same host and the same keys. Only the data that a sign-in is bound to
	// separates them.
	app := newApp()
	register := func(prefix, client string) *entratest.Server {
		idp := entratest.New(entratest.WithClientID(client),
			entratest.WithRedirectURI(publicURL+prefix+"/authorized"))
		cfg := configFor(idp)
		cfg.RoutePrefix, cfg.Keys = prefix, [][]byte{testKey(1)}
		auth, err := fibermsal.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		auth.RegisterRoutes(app)
		t.Cleanup(func() { _ = auth.Close() })
		return idp
	}
	one := register("/one", "00000000-0000-0000-0000-000000000001")
	register("/two", "00000000-0000-0000-0000-000000000002")
	b := siteOf(t, app, one, &logbook{}).browser()
	response := b.approve(b.Navigate("/one/login").Location(), adele)
	r := callback(response.Values.Encode())
	r.RequestURI = "/two/authorized"
	if a := b.Send(r); a.StatusCode != http.StatusBadRequest {
		t.Errorf("the other app's callback: status %d", a.StatusCode)
	}
	if n := one.Count(entratest.Token); n != 0 {
		t.Errorf("%d token calls", n)
	}
	if a := b.Send(response.Request()); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the right callback: status %d\n%s", a.StatusCode, a.Text)
	}
}

func TestA9_IssuerInTheResponseMustBeTheRightOne(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	response := b.approve(b.start(""), adele)
	response.Values.Set("iss", "https://evil.example")
	b.assertRejected(b.Send(response.Request()), http.StatusBadRequest, "issuer_mismatch")

	response = b.approve(b.start(""), adele)
	response.Values.Set("iss", b.idp.Authority+"/v2.0")
	if a := b.Send(response.Request()); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the right issuer: status %d", a.StatusCode)
	}
}

func TestA10_ErrorResponsesAreNotEchoed(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	evil := "&error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&error_uri=javascript:1&error_subcode=evil-subcode"
	for name, form := range map[string]string{
		"with a flow":    "state=" + state(t, b.start("")) + evil,
		"without a flow": "state=" + strings.Repeat("A", 43) + evil,
	} {
		a := b.Send(callback(form))
		if a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, a.StatusCode)
		}
		for _, echoed := range []string{"<script", "alert", "javascript:", "evil-subcode", "access_denied"} {
			if strings.Contains(a.Text, echoed) {
				t.Errorf("%s: the page contains %q", name, echoed)
			}
		}
	}
}

func TestA11_QueryNeverBeatsTheBody(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	valid := b.approve(b.start(""), adele).Values
	for name, row := range map[string]struct{ query, form, reason string }{
		"protocol fields in the query": {"?code=Q&state=Q", valid.Encode(), "query_beside_form"},
		"state in the query alone":     {"?state=" + valid.Get("state"), "code=x", "query_beside_form"},
		"two codes":                    {"", valid.Encode() + "&code=b", "malformed_response"},
		"two states":                   {"", valid.Encode() + "&state=" + valid.Get("state"), "malformed_response"},
		"code and error":               {"", valid.Encode() + "&error=access_denied", "malformed_response"},
	} {
		r := callback(row.form)
		r.RequestURI += row.query
		b.assertRejected(b.Send(r), http.StatusBadRequest, row.reason)
		if n := b.idp.Count(entratest.Token); n != 0 {
			t.Errorf("%s: %d token calls", name, n)
		}
	}
	if a := b.Send(callback(valid.Encode())); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the untouched response no longer works: status %d", a.StatusCode)
	}
}

func TestA12_CallbackTakesOneMethodTypeAndSize(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	valid := "code=x&state=" + state(t, b.start(""))
	change := func(method, header, value, body string) *http.Request {
		r := callback(body)
		r.Method = method
		if header != "" {
			r.Header.Set(header, value)
		}
		return r
	}
	for name, row := range map[string]struct {
		request *http.Request
		status  int
	}{
		"GET":               {change("GET", "", "", ""), 405},
		"HEAD":              {change("HEAD", "", "", ""), 405},
		"PUT":               {change("PUT", "", "", valid), 405},
		"DELETE":            {change("DELETE", "", "", ""), 405},
		"JSON":              {change("POST", "Content-Type", "application/json", `{"code":"x"}`), 415},
		"multipart":         {change("POST", "Content-Type", "multipart/form-data; boundary=x", "--x--"), 415},
		"text":              {change("POST", "Content-Type", "text/plain", valid), 415},
		"no type":           {change("POST", "Content-Type", "", valid), 415},
		"gzip":              {change("POST", "Content-Encoding", "gzip", valid), 415},
		"too large":         {change("POST", "", "", valid+"&x="+strings.Repeat("x", 16<<10)), 413},
		"10,000 parameters": {change("POST", "", "", strings.Repeat("a&", 8000)), 400},
		"21 parameters":     {change("POST", "", "", valid+strings.Repeat("&a=1", 20)), 400},
		"NUL in the state":  {change("POST", "", "", "code=x&state=%00"+strings.Repeat("A", 42)), 400},
		"invalid UTF-8":     {change("POST", "", "", "code=x&state=%ff"+strings.Repeat("A", 42)), 400},
		"bad escape":        {change("POST", "", "", "code=%zz&state=x"), 400},
		"empty body":        {change("POST", "", "", ""), 400},
	} {
		if a := b.Send(row.request); a.StatusCode != row.status {
			t.Errorf("%s: status %d, want %d", name, a.StatusCode, row.status)
		}
	}
	if n := b.idp.Count(entratest.Token); n != 0 {
		t.Errorf("%d token calls", n)
	}
}

// Browsers report a redirected form's origin as null, or nothing at all (DuendeArchive/Support#365).
func TestCallback_ComesFromBrowsersOfAllKinds(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	for name, header := range map[string]http.Header{
		"origin null":           {"Origin": {"null"}},
		"no Fetch Metadata":     {"Sec-Fetch-Site": nil, "Sec-Fetch-Mode": nil, "Sec-Fetch-Dest": nil},
		"no header of its kind": {"Origin": nil, "Accept": nil, "Sec-Fetch-Site": nil, "Sec-Fetch-Mode": nil, "Sec-Fetch-Dest": nil},
		"a type with charset":   {"Content-Type": {"application/x-www-form-urlencoded; charset=UTF-8"}},
		"a type in capitals":    {"Content-Type": {"Application/X-WWW-Form-Urlencoded"}},
	} {
		r := b.approve(b.start("/guarded"), adele).Request()
		for field, values := range header {
			r.Header.Del(field)
			if len(values) > 0 {
				r.Header.Set(field, values[0])
			}
		}
		if a := b.Send(r); a.Location() != "/guarded" {
			t.Errorf("%s: %d to %q", name, a.StatusCode, a.Location())
		}
	}
}

func TestA12_QueryModeTakesOnlyGET(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.ResponseMode = fibermsal.ResponseModeQuery }).browser()
	if a := b.Send(callback("code=x&state=" + state(t, b.start("")))); a.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", a.StatusCode)
	}
}

func TestA13_CallbackAnswersSeeOtherToALocalPath(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	a := b.Send(b.approve(b.start("/guarded"), adele).Request())
	if a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.Location(), "/") || strings.HasPrefix(a.Location(), "//") {
		t.Errorf("status %d, Location %q", a.StatusCode, a.Location())
	}
}
