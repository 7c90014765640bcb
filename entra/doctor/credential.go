package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
)

// maxTrialTenants is in how many of Config.AllowedTenants a token is requested at most.
const maxTrialTenants = 3

const credentialSubject = "the client credential"

// credential checks whether Entra accepts the app by requesting a token of the app for Graph. A tenant
// issues such a token, without any permissions, to every app that it knows.
func (d *diagnosis) credential(ctx context.Context) []Finding {
	current := d.Authority.Credentials[0]
	result := d.tryCredential(ctx, current)
	findings := certificate(current, time.Now())
	switch {
	case len(findings) > 0 && findings[0].Severity == SeverityError:
		return findings // this is the reason if Entra rejects the credential
	case result.accepted && d.HasSecret:
		return append(findings, ok("credential", "Entra accepts ClientSecret; only the registration shows when it expires"))
	case result.accepted:
		return append(findings, ok("credential", "Entra accepts the Credential"))
	case result.rejected && d.acceptsPrevious(ctx):
		return append(findings, Finding{
			Severity: SeverityWarning, Code: "secret_previous",
			What: "Entra rejects ClientSecret" + numbered(result.numbers) + " and accepts one of PreviousSecrets",
			Why:  "when the previous secret expires, nobody can sign in",
			Fix:  "add ClientSecret to the registration, or copy its Value, not its Secret ID, from there",
		})
	}
	return append(findings, result.finding)
}

// acceptsPrevious reports whether Entra accepts one of the previous credentials.
func (d *diagnosis) acceptsPrevious(ctx context.Context) bool {
	for _, previous := range d.Authority.Credentials[1:] {
		if d.tryCredential(ctx, previous).accepted {
			return true
		}
	}
	return false
}

// credentialResult is the result of trying a client credential.
type credentialResult struct {
	accepted bool
	rejected bool    // because of the credential, not the app
	numbers  []int   // AADSTS numbers
	finding  Finding // unless it was accepted
}

// tryCredential requests tokens of the app in tenants that may issue one.
func (d *diagnosis) tryCredential(ctx context.Context, credential authority.ClientCredential) credentialResult {
	c, err := credential.Credential(ctx)
	if err != nil {
		return credentialResult{finding: Finding{
			Severity: SeverityError, Code: "credential_missing",
			What: "there is no client credential: " + autherr.TextFor(err),
			Why:  "nobody can sign in",
			Fix:  "check whether its file exists, is readable and complete, or whether its service answers",
		}}
	}
	if !d.Authority.AnyTenant && len(d.Authority.AllowedTenants) == 0 {
		return d.tryInTenant(ctx, c, "") // the authority's own
	}
	result := credentialResult{finding: unchecked("credential", credentialSubject, "Entra issues tokens to an app in a tenant, and Config contains no tenant that has the app")}
	for _, tenant := range d.organizations(maxTrialTenants) {
		result = d.tryInTenant(ctx, c, tenant)
		if result.accepted || result.rejected {
			return result
		}
		result.finding = unchecked("credential", credentialSubject, "none of AllowedTenants issued a token"+numbered(result.numbers))
	}
	return result
}

// tryInTenant requests a token of the app in a tenant, or in the authority's if it is "".
func (d *diagnosis) tryInTenant(ctx context.Context, credential confidential.Credential, tenant string) credentialResult {
	trial := d.Authority.TryCredential(ctx, d.client, credential, tenant)
	switch {
	case trial.Accepted:
		return credentialResult{accepted: true}
	case trial.Responded && !authority.IsBusy(trial.Status) && len(trial.Numbers) > 0:
		return credentialResult{rejected: trial.RejectsClient, numbers: trial.Numbers, finding: refusal(trial.Numbers, "the app")}
	case trial.Responded && trial.Failed == nil:
		status := fmt.Sprintf("the token endpoint answered with status %d", trial.Status)
		return credentialResult{finding: unchecked("credential", credentialSubject, status)}
	case trial.Failed != nil:
		return credentialResult{finding: unchecked("credential", credentialSubject, causeOf(trial.Failed))}
	}
	return credentialResult{rejected: true, finding: Finding{
		Severity: SeverityError, Code: "credential_missing",
		What: "the client credential has no assertion",
		Why:  "nobody can sign in",
		Fix:  "check whether its file exists, or whether its service answers",
	}}
}
