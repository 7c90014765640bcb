package entratest

import "crypto/x509"

// administration contains the controls that act like an administrator.
type administration struct{ parts *parts }

// Revoke ends all sessions of the user, like "Revoke sessions" in the portal: refresh tokens fail with
// AADSTS50173 (bad_token), browser sessions end, and Graph challenges access tokens of clients that
// have declared cp1; other access tokens stay valid until they expire. The user may sign in again
// immediately. Like the other controls, it panics if the login (object ID, UPN or mail) is unknown.
func (s *administration) Revoke(login string) { s.parts.directory.MustFind(login).Revoke() }

// Disable blocks the account: sign-in and refresh fail with AADSTS50057, and Graph challenges access
// tokens as after Revoke.
func (s *administration) Disable(login string) { s.parts.directory.MustFind(login).Disable() }

// Enable unblocks the account. Sessions that Disable has ended stay ended.
func (s *administration) Enable(login string) { s.parts.directory.MustFind(login).Enable() }

// WithdrawConsent withdraws the user's consent to the given scopes, or to all scopes if none are given.
// Renewing a token for them then fails with AADSTS65001 (consent_required) until the user consents
// again; issued tokens keep working. An administrator's consent for all users is not affected, see
// [Server.WithdrawAdminConsent].
func (s *administration) WithdrawConsent(login string, scopes ...string) {
	account := s.parts.directory.MustFind(login)
	if len(scopes) == 0 {
		account.WithdrawAll()
	}
	for _, raw := range scopes {
		account.Withdraw(s.parts.scopes.MustParse(raw).Key())
	}
}

// GrantAdminConsent consents to the scopes for all users of the server's own tenant, as an
// administrator does in the portal. It panics if a scope does not exist.
func (s *administration) GrantAdminConsent(scopes ...string) {
	for _, raw := range scopes {
		s.parts.directory.Tenants[0].Consent(s.parts.scopes.MustParse(raw).Key())
	}
}

// WithdrawAdminConsent withdraws administrators' consent for all users to the given scopes, or to all
// scopes if none are given.
func (s *administration) WithdrawAdminConsent(scopes ...string) {
	tenant := s.parts.directory.Tenants[0]
	if len(scopes) == 0 {
		tenant.WithdrawAll()
	}
	for _, raw := range scopes {
		tenant.Withdraw(s.parts.scopes.MustParse(raw).Key())
	}
}

// RequireAuthContext makes Graph require the authentication context id, "c1" to "c99", for a path below
// /v1.0 such as "me/manager", as a Conditional Access policy would. Graph then challenges tokens
// without the context in acrs if the client has declared cp1, and refuses those of other clients with
// 403. An empty id removes the requirement. By default, no path has one.
func (s *administration) RequireAuthContext(path, id string) { s.parts.graph.RequireContext(path, id) }

// SetSecrets replaces all client secrets, to simulate that an administrator adds, expires or deletes
// some. If none are given, no secret authenticates. Like SetCertificates and SetFederatedCredentials,
// it panics if a credential cannot be registered.
func (s *administration) SetSecrets(secrets ...Secret) {
	mustRegister(&settings{secrets: secrets})
	s.parts.credentials.SetSecrets(internalSecrets(secrets))
	for _, secret := range secrets {
		s.parts.secrets.Add(secret.Value)
	}
}

// SetClientSecret replaces all client secrets with this one, to simulate that an administrator rotates
// it. The previous secrets are refused immediately (AADSTS7000215).
func (s *administration) SetClientSecret(secret string) { s.SetSecrets(Secret{Value: secret}) }

// SetCertificates replaces the registered certificates. Assertions signed with other certificates are
// refused immediately (AADSTS700027).
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
