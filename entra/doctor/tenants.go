package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/idtoken"
)

// maxTenants is how many of Config.AllowedTenants are looked up at most.
const maxTenants = 10

const tenantsSubject = "Config.AllowedTenants"

// tenants checks whether the tenants in Config.AllowedTenants exist.
func (d *diagnosis) tenants(ctx context.Context) []Finding {
	var unknown []string
	organizations := d.organizations(maxTenants)
	for _, tenant := range organizations {
		address := "https://" + authority.HostOf(d.Authority.Authority) + "/" + tenant
		_, err := discovery.Fetch(ctx, d.client, address)
		switch {
		case err == nil:
		case len(d.recorder.numbersOf(discovery.Address(address))) == 0:
			return []Finding{unchecked("tenants", tenantsSubject, causeOf(err))}
		default:
			unknown = append(unknown, tenant)
		}
	}
	switch {
	case len(unknown) > 0:
		return []Finding{{
			Severity: SeverityError, Code: "tenants",
			What: "Config.AllowedTenants contains tenants that do not exist: " + strings.Join(unknown, ", "),
			Why:  "users of the tenant that was meant cannot sign in",
			Fix:  "compare each with the directory (tenant) ID in that tenant's overview",
		}}
	case len(organizations) > 0:
		return []Finding{ok("tenants", fmt.Sprintf("the Config.AllowedTenants that were looked up exist (%d)", len(organizations)))}
	}
	return nil
}

// organizations returns at most limit allowed tenants that are organizations.
func (d *diagnosis) organizations(limit int) []string {
	isConsumers := func(tenant string) bool { return tenant == idtoken.ConsumersTenant }
	organizations := slices.DeleteFunc(slices.Clone(d.Authority.AllowedTenants), isConsumers)
	return organizations[:min(len(organizations), limit)]
}
