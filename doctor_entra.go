package fibermsal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/aadsts"
	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/doctor"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/idtoken"
	"github.com/fibermsal/fibermsal/internal/outbound"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// maxTenantsAsked bounds how many of Config.AllowedTenants are looked up.
const maxTenantsAsked = 10

// diagnosis is one run of the doctor. It reaches Entra as the app does, but remembers
// nothing that the app knows, and leaves no failure in the app's memory.
type diagnosis struct {
	auth    *Auth
	app     *fiber.App // or nil
	client  *http.Client
	witness *doctor.Witness
}

func newDiagnosis(a *Auth, app []*fiber.App) *diagnosis {
	d := &diagnosis{auth: a}
	if len(app) > 0 {
		d.app = app[0]
	}
	d.witness = doctor.NewWitness(a.cfg.HTTPClient.Transport)
	d.client = entraClient(&http.Client{Transport: d.witness})
	return d
}

// entra looks at Entra and the way there.
func (d *diagnosis) entra(ctx context.Context) []doctor.Finding {
	type discovered struct {
		*discovery.Metadata
		doctor.Finding
	}
	m, ended := within(ctx, func(ctx context.Context) discovered {
		metadata, finding := d.discover(ctx)
		return discovered{metadata, finding}
	})
	if !ended {
		return []doctor.Finding{unchecked("discovery", "Entra's configuration", tookTooLong)}
	}
	found := []doctor.Finding{m.Finding}
	if m.Metadata != nil {
		found = append(found, together(
			func() []doctor.Finding {
				return d.check(ctx, "signing_keys", "the keys that sign id_tokens", func(ctx context.Context) []doctor.Finding { return d.signingKeys(ctx, m.JWKSURI) })
			},
			func() []doctor.Finding { return d.check(ctx, "credential", "the app's credential", d.credential) },
			func() []doctor.Finding { return d.check(ctx, "redirect_uri", "the redirect URI", d.registration) },
			func() []doctor.Finding { return d.check(ctx, "tenants", "Config.AllowedTenants", d.tenants) },
			func() []doctor.Finding { return d.check(ctx, "login_route", "the app's login route", d.login) },
		)...)
		found = append(found, doctor.Clock(d.witness.Skew()))
	}
	return doctor.Once(found)
}

// through names the proxy on the way to an address.
func (d *diagnosis) through(address string) string {
	r, err := http.NewRequest(http.MethodGet, address, http.NoBody) //nolint:noctx // it is not sent
	if err != nil {
		return ""
	}
	if proxy := d.witness.Proxy(r); proxy != "" {
		return " through the proxy " + proxy
	}
	return ""
}

func (d *diagnosis) discover(ctx context.Context) (*discovery.Metadata, doctor.Finding) {
	authority := d.auth.cfg.authority
	address := discovery.Address(authority)
	began := time.Now()
	m, err := discovery.Fetch(ctx, d.client, authority)
	if err == nil {
		return m, fine("discovery", fmt.Sprintf("the configuration of %s was read%s in %v", authority, d.through(address), time.Since(began).Round(time.Millisecond)))
	}
	if numbers := d.witness.Numbers(address); len(numbers) > 0 {
		return nil, refusedBy(numbers, "the authority "+authority)
	}
	return nil, doctor.Finding{
		Severity: doctor.Error, Code: "discovery", What: "the configuration of " + authority + " cannot be read" + d.through(address) + ": " + causeOf(err),
		Why: "nobody can sign in; without it Entra was not looked at any further",
		Fix: "let this machine reach " + hostOf(authority) + " by https; where that takes a proxy set HTTPS_PROXY, where the certificate is a private one's set HTTPClient",
	}
}

// causeOf is the text of a failed call that may be shown.
func causeOf(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return redact.Text(outbound.Cause(err).Error())
}

// signingKeys looks at what id_tokens are verified with.
func (d *diagnosis) signingKeys(ctx context.Context, address string) []doctor.Finding {
	body, err := discovery.Get(ctx, d.client, address)
	problem := "there is no RSA key"
	if err != nil {
		problem = causeOf(err)
	}
	if count := doctor.SigningKeys(body); count > 0 {
		return []doctor.Finding{fine("signing_keys", fmt.Sprintf("the keys that sign id_tokens were read (%d)", count))}
	}
	return []doctor.Finding{{
		Severity: doctor.Error, Code: "signing_keys", What: "the keys that sign id_tokens cannot be read" + d.through(address) + ": " + problem,
		Why: "id_tokens cannot be verified, so nobody can sign in",
		Fix: "let this machine reach " + address,
	}}
}

// registration asks for a sign-in that shows nothing, of a browser in which nobody is
// signed in. Entra says so to the redirect URI, if it is registered.
func (d *diagnosis) registration(ctx context.Context) []doctor.Finding {
	answer, err := d.silentSignIn(ctx)
	cfg := d.auth.cfg
	switch {
	case err != nil:
		return []doctor.Finding{unchecked("redirect_uri", "the redirect URI", causeOf(err))}
	case answer.Unclear():
		return []doctor.Finding{unchecked("redirect_uri", "the redirect URI", "Entra answered with neither the way back nor a reason; open the login page in a browser")}
	case answer.NeedsUser():
		return []doctor.Finding{
			fine("redirect_uri", cfg.redirectURI+" is registered"),
			fine("scopes", "Entra takes a request for "+strings.Join(cfg.Scopes, " ")+"; whether a user has consented shows when they sign in"),
		}
	case answer.OfScopes():
		return []doctor.Finding{fine("redirect_uri", cfg.redirectURI+" is registered"), {
			Severity: doctor.Error, Code: "scopes", What: "Entra refuses Config.Scopes" + numbered(answer.Numbers),
			Why: "nobody can sign in", Fix: adviceOr("look for a scope that does not exist, or is of an API that the tenant does not know", answer.Numbers),
		}}
	case answer.Unregistered():
		return []doctor.Finding{{
			Severity: doctor.Error, Code: "redirect_uri", What: cfg.redirectURI + " is not registered" + numbered(answer.Numbers),
			Why: "Entra shows an error page instead of the sign-in, and the app is not told",
			Fix: "register it, letter by letter, with the platform Web",
		}}
	}
	return []doctor.Finding{refusedBy(answer.Numbers, "a sign-in")}
}

func (d *diagnosis) silentSignIn(ctx context.Context) (answer doctor.Authorization, err error) {
	a := d.auth
	attempt, err := flow.Begin(a.rand, time.Now(), flow.DestinationOf("/"), "", flow.Ask{Silent: true})
	if err != nil {
		return answer, err
	}
	address, err := a.authorizeURL(ctx, attempt)
	if err != nil {
		return answer, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return answer, err
	}
	q := u.Query()
	q.Set("response_mode", string(Query)) // what is registered counts for all modes
	u.RawQuery = q.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return answer, err
	}
	resp, err := d.browse(r)
	if err != nil {
		return answer, err
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer, err
	}
	if busy(resp.StatusCode) {
		return answer, fmt.Errorf("the authorize endpoint answered with status %d", resp.StatusCode)
	}
	return doctor.ReadAuthorization(resp.StatusCode, resp.Header.Get("Location"), string(page), a.cfg.redirectURI), nil
}

// browse opens a page as browsers do, to which names below localhost are this machine
// (RFC 6761 section 6.3), whatever a resolver makes of them. The emulator has one.
func (d *diagnosis) browse(r *http.Request) (*http.Response, error) {
	resp, err := d.client.Do(r)
	if unknown := new(net.DNSError); errors.As(err, &unknown) && discovery.IsLoopback(r.URL.Hostname()) {
		r.Host, r.URL.Host = r.URL.Host, net.JoinHostPort("127.0.0.1", r.URL.Port())
		return d.client.Do(r)
	}
	return resp, err
}

// tenants looks whether those exist whose users may sign in.
func (d *diagnosis) tenants(ctx context.Context) []doctor.Finding {
	var unknown []string
	listed := d.listedTenants(maxTenantsAsked)
	for _, tenant := range listed {
		authority := originOf(d.auth.cfg.authority) + "/" + tenant
		if _, err := discovery.Fetch(ctx, d.client, authority); err == nil {
			continue
		} else if len(d.witness.Numbers(discovery.Address(authority))) == 0 {
			return []doctor.Finding{unchecked("tenants", "Config.AllowedTenants", causeOf(err))}
		}
		unknown = append(unknown, tenant)
	}
	switch {
	case len(unknown) > 0:
		return []doctor.Finding{{
			Severity: doctor.Error, Code: "tenants", What: "Config.AllowedTenants has what is no tenant: " + strings.Join(unknown, ", "),
			Why: "users of the tenant that was meant cannot sign in", Fix: "compare it with the directory (tenant) ID in that tenant's overview",
		}}
	case len(listed) > 0:
		return []doctor.Finding{fine("tenants", fmt.Sprintf("the Config.AllowedTenants that were looked up exist (%d)", len(listed)))}
	}
	return nil
}

// listedTenants are the first of the organizations that are allowed.
func (d *diagnosis) listedTenants(most int) []string {
	listed := slices.DeleteFunc(slices.Clone(d.auth.cfg.AllowedTenants), func(t string) bool { return t == idtoken.ConsumersTenant })
	return listed[:min(len(listed), most)]
}

// refusedBy is what Entra's numbers mean, whichever endpoint gave them.
func refusedBy(numbers []int, what string) doctor.Finding {
	f := doctor.Finding{
		Severity: doctor.Error, Code: "entra_refuses", What: "Entra refuses " + what + numbered(numbers),
		Why: "nobody can sign in", Fix: adviceOr("look the number up at https://login.microsoftonline.com/error", numbers),
	}
	codes := map[int]string{
		90002: "tenant_unknown", 900023: "tenant_unknown", 700016: "app_unknown", 700038: "app_unknown", 7000112: "app_disabled",
		7000215: "secret_wrong", 7000222: "secret_expired", 700027: "certificate_unregistered",
	}
	for _, n := range numbers {
		if code := codes[n]; code != "" {
			f.Code = code
			break
		}
	}
	return f
}

func numbered(numbers []int) string {
	if len(numbers) == 0 {
		return ""
	}
	return fmt.Sprintf(" (AADSTS%d)", numbers[0])
}

func adviceOr(otherwise string, numbers []int) string {
	return cmp.Or(aadsts.Advice(numbers...), otherwise)
}
