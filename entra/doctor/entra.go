package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/fibermsal/fibermsal/internal/discovery"
)

// entra checks Entra and the network in between. If Entra's configuration cannot be read, nothing else
// about Entra is checked.
func (d *diagnosis) entra(ctx context.Context) []Finding {
	discovered, err := within(ctx, d.discover)
	if err != nil {
		return []Finding{unchecked("discovery", "Entra's configuration", err.Error())}
	}
	findings := []Finding{discovered.finding}
	if discovered.metadata == nil {
		return findings
	}
	check := func(code, subject string, check func(context.Context) []Finding) func() []Finding {
		return func() []Finding { return inTime(ctx, code, subject, check) }
	}
	findings = append(findings, concurrently(
		check("signing_keys", "the keys that sign ID tokens", func(ctx context.Context) []Finding { return d.signingKeys(ctx, discovered.metadata.JWKSURI) }),
		check("credential", credentialSubject, d.credential),
		check("redirect_uri", redirectSubject, d.registration),
		check("tenants", tenantsSubject, d.tenants),
		check("graph", graphSubject, d.graph),
		check("login_route", "the app's login route", d.login),
	)...)
	return withoutDuplicates(append(findings, clock(d.recorder.skew())))
}

// discoveryResult is the authority's configuration, or nil if it cannot be read, and the finding about
// it.
type discoveryResult struct {
	metadata *discovery.Metadata
	finding  Finding
}

func (d *diagnosis) discover(ctx context.Context) discoveryResult {
	address := discovery.Address(d.Authority.Authority)
	began := time.Now()
	m, err := discovery.Fetch(ctx, d.client, d.Authority.Authority)
	if err == nil {
		took := time.Since(began).Round(time.Millisecond)
		return discoveryResult{m, ok("discovery", fmt.Sprintf("the configuration of %s was read%s in %v", d.Authority.Authority, d.recorder.through(address), took))}
	}
	if numbers := d.recorder.numbersOf(address); len(numbers) > 0 {
		return discoveryResult{nil, refusal(numbers, "the authority "+d.Authority.Authority)}
	}
	return discoveryResult{nil, Finding{
		Severity: SeverityError, Code: "discovery",
		What: "the configuration of " + d.Authority.Authority + " cannot be read" + d.recorder.through(address) + ": " + causeOf(err),
		Why:  "nobody can sign in; nothing else about Entra was checked",
		Fix:  reachFix(d.Authority.Authority, err),
	}}
}
