package entra

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
)

// Prompt makes Entra show a page during a sign-in even if the user is signed in there.
type Prompt string

const (
	// PromptSelectAccount lets the user choose an account.
	PromptSelectAccount Prompt = "select_account"
	// PromptLogin makes the user authenticate again. Users can remove it from the URL of Entra's page,
	// so a page that depends on it also needs [AuthenticatedWithin].
	PromptLogin Prompt = "login"
	// PromptCreate shows the page for creating an account. It is for External ID only.
	PromptCreate Prompt = "create"
)

// SignInOptions control a sign-in, for StartSignIn and Config.BeforeSignIn. Together with the scopes
// and claims that a page requires, they may take at most 700 bytes.
type SignInOptions struct {
	// Scopes are requested in addition to the configured ones.
	Scopes []string
	// LoginHint is the account to sign in with, usually a UPN. Entra fills it in on its sign-in page.
	// It has no effect with PromptSelectAccount.
	LoginHint string
	// DomainHint sends users directly to their own identity provider. It is a domain name,
	// "organizations" or "consumers".
	DomainHint string
	// Prompt makes Entra show a page. Without it, a user who is signed in to Entra may be signed in
	// without seeing a page.
	Prompt Prompt
	// Parameters are further parameters of the authorize request: acr_values, amr_values, cobrandid,
	// hsu, kmsi, lc, mkt, msafed or ui_locales. Others are refused.
	Parameters map[string]string
	// To is the path to which the browser returns. A path that would leave the app is replaced by "/",
	// so it may come from a request. It should not be the path of the handler that starts the sign-in.
	//
	// Optional. Default: "/".
	To string
}

// furtherParameters are the parameters that an app may set. None of them affects the protocol.
var furtherParameters = []string{"acr_values", "amr_values", "cobrandid", "hsu", "kmsi", "lc", "mkt", "msafed", "ui_locales"}

// StartSignIn returns an error that makes the middleware start a sign-in. The handler returns it
// although nothing has failed:
//
//	app.Post("/switch", func(*fiber.Ctx) error {
//		return fibermsal.StartSignIn(fibermsal.SignInOptions{Prompt: fibermsal.PromptSelectAccount, To: "/profile"})
//	})
//
// The middleware redirects page navigations, submitted forms and requests of htmx to the sign-in; other
// requests, such as those of fetch, get 401 with a login_url. The options are sealed, so visitors can
// neither change them nor add others in the query. The current user stays signed in until the sign-in
// succeeds. If the options are invalid, the error is [ErrMisconfigured].
func StartSignIn(o SignInOptions) *Error {
	requirements, err := o.requirements(flow.Requirements{})
	if err != nil {
		return autherr.Misconfigured.New("sign_in_options", err)
	}
	return autherr.LoginRequired.Intending(autherr.Intent{To: strings.Clone(o.To)}, &requirements)
}

// requirements returns r with these options instead of its own. The strings are copies, because they
// may come from a request (trap T10).
func (o *SignInOptions) requirements(r flow.Requirements) (flow.Requirements, error) {
	switch o.Prompt {
	case "", PromptSelectAccount, PromptLogin, PromptCreate:
	default:
		return r, fmt.Errorf("SignInOptions.Prompt is %q, which is not one of PromptSelectAccount, PromptLogin and PromptCreate", o.Prompt)
	}
	if o.Prompt != "" || o.LoginHint != r.LoginHint {
		r = r.Interactive() // a silent sign-in is for the user of the session
	}
	r.SelectAccount, r.Prompt = o.Prompt == PromptSelectAccount, ""
	if !r.SelectAccount {
		r.Prompt = strings.Clone(string(o.Prompt))
	}
	r.Scopes = nil
	for _, scope := range o.Scopes {
		r.Scopes = append(r.Scopes, strings.Fields(strings.Clone(scope))...)
	}
	r.LoginHint, r.DomainHint, r.Parameters = strings.Clone(o.LoginHint), strings.Clone(o.DomainHint), nil
	for _, name := range slices.Sorted(maps.Keys(o.Parameters)) {
		if !slices.Contains(furtherParameters, name) {
			return r, fmt.Errorf("SignInOptions.Parameters contains %q, which is not one of %v", name, furtherParameters)
		}
		if r.Parameters == nil {
			r.Parameters = make(map[string]string)
		}
		r.Parameters[strings.Clone(name)] = strings.Clone(o.Parameters[name])
	}
	return r, nil
}

// optionsOf returns the options of a sign-in with these requirements.
func optionsOf(r *flow.Requirements, to string) SignInOptions {
	o := SignInOptions{
		Scopes: slices.Clone(r.Scopes), LoginHint: r.LoginHint, DomainHint: r.DomainHint, Prompt: Prompt(r.Prompt),
		Parameters: maps.Clone(r.Parameters), To: to,
	}
	if r.SelectAccount {
		o.Prompt = PromptSelectAccount
	}
	return o
}
