package fibermsal

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/internal/doctor"
	"github.com/fibermsal/fibermsal/internal/outbound"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// certificateWarning is how long before a certificate's end it is time to replace it.
const certificateWarning = 30 * 24 * time.Hour

// credential looks whether Entra accepts the app, by a token of its own for Graph: a
// tenant gives one, without any permission in it, to every app that it knows.
func (d *diagnosis) credential(ctx context.Context) []doctor.Finding {
	all := d.auth.credentials.all
	first := d.identify(ctx, all[0])
	found := first.certificate.findings()
	switch {
	case len(found) > 0 && found[0].Severity == doctor.Error:
		return found // which is why Entra refuses it, if it does
	case first.accepted && d.auth.cfg.Credential == nil:
		return append(found, fine("credential", "Entra accepts ClientSecret; when it ends is told by the registration only"))
	case first.accepted:
		return append(found, fine("credential", "Entra accepts the Credential"))
	}
	for i := 1; first.refused && i < len(all); i++ {
		if d.identify(ctx, all[i]).accepted {
			return append(found, doctor.Finding{
				Severity: doctor.Warning, Code: "secret_previous", What: "Entra refuses ClientSecret" + numbered(first.numbers) + " and accepts one of PreviousSecrets",
				Why: "when that one ends nobody can sign in",
				Fix: "add ClientSecret to the registration, or copy its Value, not its Secret ID, from there",
			})
		}
	}
	return append(found, first.finding)
}

// identification is what became of an attempt to identify the app.
type identification struct {
	accepted    bool
	refused     bool // for this credential's sake
	numbers     []int
	finding     doctor.Finding // if it was not accepted
	certificate *certificateSpan
}

// identify asks for a token of the app, in a tenant that may give one.
func (d *diagnosis) identify(ctx context.Context, credential Credential) (result identification) {
	span := new(certificateSpan)
	secret, err := credential(context.WithValue(ctx, certificateSpanKey{}, span))
	if err != nil {
		return identification{certificate: span, finding: doctor.Finding{
			Severity: doctor.Error, Code: "credential_missing", What: "the Credential cannot be made: " + redact.Text(err.Error()),
			Why: "nobody can sign in", Fix: "see whether its file is there, readable and whole, or its service answers",
		}}
	}
	tenants := []string{""}                                                  // that of the authority
	if d.auth.cfg.AnyTenantMaySignIn || len(d.auth.cfg.AllowedTenants) > 0 { // it is that of many
		tenants = d.listedTenants(3)
	}
	result.finding = unchecked("credential", "the app's credential", "Entra gives an app tokens in a tenant, and Config names none that knows the app")
	for _, tenant := range tenants {
		result = d.identifyIn(ctx, secret, tenant)
		if result.accepted || result.refused {
			break
		}
		if tenant != "" {
			result.finding = unchecked("credential", "the app's credential", "none of AllowedTenants gave a token"+numbered(result.numbers))
		}
	}
	result.certificate = span
	return result
}

func (d *diagnosis) identifyIn(ctx context.Context, credential confidential.Credential, tenant string) identification {
	a := d.auth
	x := &exchange{client: d.client, gate: newEntraGate()}
	client, err := confidential.New(a.cfg.authority, a.cfg.ClientID, credential,
		confidential.WithHTTPClient(x), confidential.WithInstanceDiscovery(false))
	if err == nil {
		var options []confidential.AcquireByCredentialOption
		if tenant != "" {
			options = append(options, confidential.WithTenantID(tenant))
		}
		_, err = client.AcquireTokenByCredential(ctx, []string{a.cfg.graph.all}, options...)
	}
	switch {
	case err == nil:
		return identification{accepted: true}
	case x.asked && !busy(x.status) && len(x.answer.ErrorCodes) > 0:
		return identification{
			refused: x.refusesClient(), numbers: x.answer.ErrorCodes,
			finding: refusedBy(x.answer.ErrorCodes, "the app"),
		}
	case x.failed == nil && !x.asked: // its assertion is not to be had
		return identification{refused: true, finding: doctor.Finding{
			Severity: doctor.Error, Code: "credential_missing", What: "the Credential gives no assertion",
			Why: "nobody can sign in", Fix: "see whether its file is there, or its service answers",
		}}
	case x.failed == nil:
		err = fmt.Errorf("the token endpoint answered with status %d", x.status)
	default:
		err = outbound.Cause(x.failed)
	}
	return identification{finding: unchecked("credential", "the app's credential", causeOf(err))}
}

// certificateSpan is from when to when a certificate counts.
type certificateSpan struct{ from, until time.Time }

// certificateSpanKey is where a [CertificateFile] leaves it in a context.
type certificateSpanKey struct{}

// spanOf is that of the certificate of a key.
func spanOf(certificates []*x509.Certificate, key crypto.PrivateKey) (span certificateSpan) {
	private, ok := key.(*rsa.PrivateKey)
	for _, c := range certificates {
		if ok && private.PublicKey.Equal(c.PublicKey) {
			span = certificateSpan{c.NotBefore, c.NotAfter}
		}
	}
	return span
}

func (s *certificateSpan) findings() []doctor.Finding {
	now := time.Now()
	left := s.until.Sub(now)
	day := s.until.Format(time.DateOnly)
	f := doctor.Finding{
		Severity: doctor.Error, Code: "certificate", Why: "Entra refuses it, so nobody can sign in",
		Fix: "register a new certificate, then replace the file, which is read again",
	}
	switch {
	case s.until.IsZero():
		return nil
	case now.Before(s.from):
		f.What, f.Fix = "the app's certificate counts from "+s.from.Format(time.DateTime)+" on", "wait, or see whether the clock is right"
	case left <= 0:
		f.What = "the app's certificate ended on " + day
	case left < certificateWarning:
		f.Severity, f.What, f.Why = doctor.Warning, "the app's certificate ends on "+day, "from then on nobody can sign in"
	default:
		return []doctor.Finding{fine("certificate", "the app's certificate counts until "+day)}
	}
	return []doctor.Finding{f}
}
