package directory

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/fibermsal/fibermsal/entratest/internal/ids"
)

// Consumers is the id of the tenant of all personal accounts.
const Consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"

// Tenant is one Entra directory.
type Tenant struct {
	ID       string
	Accounts []*Account

	domains map[string]bool
	byLogin map[string]*Account // by lower-case object id, UPN and mail

	mu       sync.Mutex      // guards what follows
	consents map[string]bool // by an administrator, for all users
}

func newTenant(id string, users []User) (*Tenant, error) {
	t := &Tenant{ID: id, domains: map[string]bool{}, byLogin: map[string]*Account{}, consents: map[string]bool{}}
	for _, u := range users {
		if err := t.add(u); err != nil {
			return nil, err
		}
	}
	// A mail address never takes precedence over an object id or a UPN.
	for _, a := range t.Accounts {
		if key := strings.ToLower(a.Mail); key != "" && t.byLogin[key] == nil {
			t.byLogin[key] = a
		}
	}
	return t, nil
}

func (t *Tenant) add(u User) error {
	u.ID = strings.ToLower(u.ID)
	if !ids.IsGUID(u.ID) || u.UPN == "" {
		return fmt.Errorf("user %q needs a GUID as ID, and a UPN", u.UPN)
	}
	if (u.HomeTenantID == "") != (u.HomeID == "") {
		return fmt.Errorf("guest %q needs both HomeTenantID and HomeID", u.UPN)
	}
	if u.PhotoStatus != 0 && (u.Photo != nil || u.PhotoStatus < 400 || u.PhotoStatus > 599) {
		return fmt.Errorf("user %q has a photo, or the PhotoStatus %d, which is not the status of an error", u.UPN, u.PhotoStatus)
	}
	a := &Account{User: u, Tenant: t, consents: map[string]bool{}}
	for _, key := range []string{u.ID, strings.ToLower(u.UPN)} {
		if t.byLogin[key] != nil {
			return errors.New("two users are called " + key)
		}
		t.byLogin[key] = a
	}
	if _, domain, ok := strings.Cut(strings.ToLower(u.UPN), "@"); ok {
		t.domains[domain] = true
	}
	t.Accounts = append(t.Accounts, a)
	return nil
}

// HasDomain reports whether the domain is one of the tenant or of one of its users.
func (t *Tenant) HasDomain(name string) bool {
	return t.domains[name] || slices.ContainsFunc(t.Accounts, func(a *Account) bool { return a.Domain() == name })
}

// Named finds a user as Graph does, by object id or UPN.
func (t *Tenant) Named(id string) *Account {
	a := Find(id, []*Tenant{t})
	if a == nil || (!strings.EqualFold(id, a.ID) && !strings.EqualFold(id, a.UPN)) {
		return nil
	}
	return a
}

// Consent records an administrator's consent for all users to the scopes with these keys.
func (t *Tenant) Consent(keys ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		t.consents[key] = true
	}
}

// Withdraw withdraws the consent for all users to the scopes with these keys.
func (t *Tenant) Withdraw(keys ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		delete(t.consents, key)
	}
}

// WithdrawAll withdraws all consents for all users.
func (t *Tenant) WithdrawAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.consents)
}

func (t *Tenant) granted() map[string]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.consents)
}

// Find looks login (object id, UPN or mail) up in the given tenants, in their order.
func Find(login string, tenants []*Tenant) *Account {
	key := strings.ToLower(strings.TrimSpace(login)) // an empty login finds no user, because it is never a key
	for _, t := range tenants {
		if a := t.byLogin[key]; a != nil {
			return a
		}
	}
	return nil
}

// FindHint finds the account that a login_hint or logout_hint refers to. The hint is a sign-in name or
// the login_hint claim.
func FindHint(hint string, tenants []*Tenant) *Account {
	if !strings.HasPrefix(hint, "O.") {
		return Find(hint, tenants)
	}
	for _, t := range tenants {
		for _, a := range t.Accounts {
			if a.LoginHint() == hint {
				return a
			}
		}
	}
	return nil
}
