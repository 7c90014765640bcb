package directory

import (
	"encoding/base64"
	"maps"
	"sync"
	"time"
)

// Account is a user of a tenant together with the changes to the account.
type Account struct {
	User
	Tenant *Tenant

	mu       sync.Mutex // guards what follows
	state    State
	consents map[string]bool
}

// State contains the changes that administrators have made to an account.
type State struct {
	Disabled  bool
	Sessions  int       // number of revocations; grants of an earlier number are dead
	ValidFrom time.Time // of the last revocation
}

// State returns the present state.
func (a *Account) State() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

// Revoke ends all sessions of the account.
func (a *Account) Revoke() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revoke()
}

func (a *Account) revoke() {
	a.state.Sessions++
	a.state.ValidFrom = time.Now()
}

// Disable blocks the account and ends all its sessions.
func (a *Account) Disable() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state.Disabled = true
	a.revoke()
}

// Enable unblocks the account.
func (a *Account) Enable() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state.Disabled = false
}

// Consent records the user's consent to the scopes with these keys.
func (a *Account) Consent(keys ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, key := range keys {
		a.consents[key] = true
	}
}

// Withdraw withdraws the user's consent to the scopes with these keys.
func (a *Account) Withdraw(keys ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, key := range keys {
		delete(a.consents, key)
	}
}

// WithdrawAll withdraws all of the user's consents.
func (a *Account) WithdrawAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.consents)
}

// Granted returns the keys of the scopes that the user, or an administrator for all users, has
// consented to.
func (a *Account) Granted() map[string]bool {
	out := a.Tenant.granted()
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.Copy(out, a.consents)
	return out
}

// HomeIDs are the ids of the account in its home tenant, of which client_info and MSAL's account id consist.
func (a *Account) HomeIDs() (uid, utid string) {
	if a.IsGuest() {
		return a.HomeID, a.HomeTenantID
	}
	return a.ID, a.Tenant.ID
}

// ClientInfo is client_info: the account's ids at home, unsigned.
func (a *Account) ClientInfo() string {
	uid, utid := a.HomeIDs()
	return base64.RawURLEncoding.EncodeToString([]byte(`{"uid":"` + uid + `","utid":"` + utid + `"}`))
}

// LoginHint is the opaque login_hint claim, which the authorize and logout endpoints accept.
func (a *Account) LoginHint() string {
	return "O." + base64.RawURLEncoding.EncodeToString([]byte(a.Tenant.ID+"/"+a.ID))
}
