package entratest

import "crypto/x509"

// administration is what an administrator may do.
type administration struct{ parts *parts }

// Revoke ends all sessions of the user, as "Revoke sessions" in the portal: refresh tokens fail with
// AADSTS50173 (bad_token), browser sessions are gone, and Graph challenges access tokens of clients that
// declared cp1; other access tokens stay valid until they expire. The user may sign in again at once.
// Like the other controls it panics for an unknown login (object id, UPN or mail).
func (s *administration) Revoke(login string) { s.parts.directory.MustFind(login).Revoke() }

// Disable blocks the account: sign-in and refresh fail with AADSTS50057, and Graph challenges as after Revoke.
func (s *administration) Disable(login string) { s.parts.directory.MustFind(login).Disable() }

// Enable unblocks the account. What Disable ended stays ended.
func (s *administration) Enable(login string) { s.parts.directory.MustFind(login).Enable() }

// WithdrawConsent takes back the user's consent to the given scopes, or without scopes to everything. Renewing
// a token for them then fails with AADSTS65001 (consent_required) until the user consents again; tokens already
// issued keep working. The consent of an administrator for everybody stays: see [Server.WithdrawAdminConsent].
func (s *administration) WithdrawConsent(login string, scopes ...string) {
	account := s.parts.directory.MustFind(login)
	if len(scopes) == 0 {
		account.WithdrawAll()
	}
	for _, raw := range scopes {
		account.Withdraw(s.parts.scopes.MustParse(raw).Key())
	}
}

// GrantAdminConsent consents to the scopes for everybody in the server's own tenant, as its administrator
// does in the portal. Like the other controls it panics if a scope does not exist.
func (s *administration) GrantAdminConsent(scopes ...string) {
	for _, raw := range scopes {
		s.parts.directory.Tenants[0].Consent(s.parts.scopes.MustParse(raw).Key())
	}
}

// WithdrawAdminConsent takes back the consent for everybody, whichever administrator granted it, to the given
// scopes, or without scopes to everything.
func (s *administration) WithdrawAdminConsent(scopes ...string) {
	tenant := s.parts.directory.Tenants[0]
	if len(scopes) == 0 {
		tenant.WithdrawAll()
	}
	for _, raw := range scopes {
		tenant.Withdraw(s.parts.scopes.MustParse(raw).Key())
	}
}

// RequireAuthContext makes Graph demand the authentication context id, "c1" to "c99", for a path below /v1.0
// ("me/manager"), as a Conditional Access policy would: it challenges tokens without that acrs if the client
// declared cp1, and refuses those of other clients with 403. An empty id ends it. Default: no path does.
func (s *administration) RequireAuthContext(path, id string) { s.parts.graph.RequireContext(path, id) }

// SetSecrets replaces all client secrets, as an administrator who adds, expires or deletes some. Without any,
// no secret authenticates. Like SetCertificates and SetFederatedCredentials it panics on a credential that
// cannot be registered.
func (s *administration) SetSecrets(secrets ...Secret) {
	mustRegister(&settings{secrets: secrets})
	s.parts.credentials.SetSecrets(internalSecrets(secrets))
	for _, secret := range secrets {
		s.parts.secrets.Add(secret.Value)
	}
}

// SetClientSecret replaces all client secrets by this one, as an administrator who rotates it.
// The previous ones are refused at once (AADSTS7000215).
func (s *administration) SetClientSecret(secret string) { s.SetSecrets(Secret{Value: secret}) }

// SetCertificates replaces the registered certificates. Assertions signed by others are refused at once
// (AADSTS700027).
func (s *administration) SetCertificates(certificates ...*x509.Certificate) {
	mustRegister(&settings{certificates: certificates})
	s.parts.credentials.SetCertificates(certificates)
}

// SetFederatedCredentials replaces the federated credentials.
func (s *administration) SetFederatedCredentials(federated ...FederatedCredential) {
	mustRegister(&settings{federated: federated})
	s.parts.credentials.SetFederated(internalFederated(federated))
}

func mustRegister(c *settings) {
	if err := c.checkCredentials(); err != nil {
		panic("entratest: " + err.Error())
	}
}
