package directory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/ids"
)

// Directory is all tenants of the emulator; the first is its own.
type Directory struct {
	Tenants  []*Tenant
	clientID string
}

// Source contains the data of a tenant.
type Source struct {
	ID    string
	Users []User
}

// New returns a directory of tenants in which the application with the given client id is registered.
func New(clientID string, sources ...Source) (*Directory, error) {
	d := &Directory{clientID: clientID}
	for _, source := range sources {
		if !ids.IsGUID(source.ID) || slices.ContainsFunc(d.Tenants, func(t *Tenant) bool { return t.ID == source.ID }) {
			return nil, fmt.Errorf("the tenant id %q is not a GUID or is used twice", source.ID)
		}
		tenant, err := newTenant(source.ID, source.Users)
		if err != nil {
			return nil, err
		}
		d.Tenants = append(d.Tenants, tenant)
	}
	d.Tenants[0].domains["contoso.onmicrosoft.com"] = true
	return d, nil
}

// Resolve returns the tenants that a segment of a URL refers to. The segment is a GUID, a domain, or
// one of the aliases.
func (d *Directory) Resolve(segment string) ([]*Tenant, *aadsts.Error) {
	name := strings.ToLower(segment)
	switch name {
	case "common":
		return d.Tenants, nil
	case "organizations":
		return d.organizations(), nil
	case "consumers":
		name = Consumers
	}
	for _, t := range d.Tenants {
		if t.ID == name || t.domains[name] {
			return []*Tenant{t}, nil
		}
	}
	switch {
	case name == Consumers:
		return nil, aadsts.New(9002346, d.clientID)
	case ids.IsGUID(name), strings.Contains(name, "."):
		return nil, aadsts.New(90002, segment)
	default:
		return nil, aadsts.New(900023, segment)
	}
}

func (d *Directory) organizations() []*Tenant {
	var out []*Tenant
	for _, t := range d.Tenants {
		if t.ID != Consumers {
			out = append(out, t)
		}
	}
	return out
}

// Find looks login (object id, UPN or mail) up in all tenants.
func (d *Directory) Find(login string) *Account { return Find(login, d.Tenants) }

// MustFind is for controls: a user that does not exist is a mistake in the test.
func (d *Directory) MustFind(login string) *Account {
	a := d.Find(login)
	if a == nil {
		panic(fmt.Sprintf("entratest: there is no user %q", login))
	}
	return a
}

// IsAlias reports whether the segment refers to several tenants. Documents then contain a placeholder.
func IsAlias(segment string) bool {
	name := strings.ToLower(segment)
	return name == "common" || name == "organizations"
}
