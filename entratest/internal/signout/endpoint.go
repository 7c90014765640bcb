// Package signout serves the logout endpoint.
package signout

import (
	"net/http"
	"net/url"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/origins"
	"github.com/fibermsal/fibermsal/entratest/internal/pages"
	"github.com/fibermsal/fibermsal/entratest/internal/registration"
	"github.com/fibermsal/fibermsal/entratest/internal/sso"
)

// Endpoint is the logout endpoint. It is safe for concurrent use.
type Endpoint struct {
	App       *registration.App
	Directory *directory.Directory
	Origins   *origins.Origins
	Pages     *pages.Writer
	Sessions  *sso.Sessions
}

// Serve is RP-initiated logout. It ends the browser's session only. entra: tokens stay valid, because
// dropping them is the app's task.
func (e *Endpoint) Serve(w http.ResponseWriter, r *http.Request, segment string) {
	tenants, fail := e.Directory.Resolve(segment)
	if fail != nil {
		e.Pages.Error(w, r, fail)
		return
	}
	signedIn := e.Sessions.SignedIn(r, e.Directory.Tenants)
	leaving := directory.FindHint(r.Form.Get("logout_hint"), tenants)
	if picked := r.PostForm.Get("user"); picked != "" {
		leaving = e.Directory.Find(picked)
	}
	if leaving == nil && len(signedIn) > 1 { // entra: without a hint the user has to pick the account
		e.pickAccount(w, r, segment, signedIn)
		return
	}
	e.leave(w, r, e.frames(e.Sessions.Leave(w, r, leaving)))
}

// pickAccount shows the page on which the user picks the account to sign out.
func (e *Endpoint) pickAccount(w http.ResponseWriter, r *http.Request, segment string, signedIn []*sso.Login) {
	var people []pages.Person
	for _, one := range signedIn {
		people = append(people, pages.Describe(one.Account))
	}
	e.Pages.PickLogout(w, pages.Form{Action: "/" + segment + "/oauth2/v2.0/logout", Params: r.Form}, people)
}

// leave sends the browser to the app's target if that is a registered URI. Otherwise the browser stays
// on the page. The frames are loaded first, because they notify the application. entra: state is echoed
// in practice, although this is not documented.
func (e *Endpoint) leave(w http.ResponseWriter, r *http.Request, frames []string) {
	target := r.Form.Get("post_logout_redirect_uri")
	if target == "" || !e.App.MayFollowLogout(target) {
		e.Pages.SignedOut(w, target, frames)
		return
	}
	if state := r.Form.Get("state"); state != "" {
		target = registration.WithParams(target, url.Values{"state": {state}}, false)
	}
	if len(frames) > 0 {
		e.Pages.SigningOut(w, target, frames)
		return
	}
	aadsts.Redirect(w, r, target)
}

// frames are the addresses that notify the application of the end of these sessions.
func (e *Endpoint) frames(ended []*sso.Login) []string {
	var out []string
	for _, one := range ended {
		if e.App.FrontChannel == "" {
			break
		}
		v := url.Values{"sid": {one.SID}}
		if e.App.FrontChannelIssuer {
			v.Set("iss", e.Origins.Issuer(one.Account.Tenant.ID))
		}
		out = append(out, registration.WithParams(e.App.FrontChannel, v, false))
	}
	return out
}
