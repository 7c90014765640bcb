package doctor

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/redact"
)

const publicHostSubject = "the host of PublicURL"

// publicHost checks whether the host of PublicURL has an address here. Users may use another resolver.
func (d *diagnosis) publicHost(ctx context.Context) []Finding {
	u, err := url.Parse(d.PublicURL)
	if err != nil || d.Local || net.ParseIP(u.Hostname()) != nil {
		return nil
	}
	host := u.Hostname()
	if isReserved(host) {
		return []Finding{ok("public_host", host+" is a name for examples and tests, which was not looked up")}
	}
	return inTime(ctx, "public_host", publicHostSubject, func(ctx context.Context) []Finding { return d.resolve(ctx, host) })
}

// resolve looks the host up.
func (d *diagnosis) resolve(ctx context.Context, host string) []Finding {
	addresses, err := d.Lookup(ctx, host)
	var unresolved *net.DNSError
	switch {
	case err == nil:
		return []Finding{ok("public_host", host+" has the address "+strings.Join(addresses[:min(len(addresses), 2)], ", "))}
	case errors.As(err, &unresolved) && unresolved.IsNotFound:
		return []Finding{{
			Severity: SeverityWarning, Code: "public_host",
			What: host + ", the host of PublicURL, has no address here",
			Why:  "Entra sends users there when they have signed in; unless they use another resolver, their browser shows an error",
			Fix:  "compare PublicURL with the address that users open, and check the DNS record of the host",
		}}
	}
	return []Finding{unchecked("public_host", publicHostSubject, redact.Text(err.Error()))}
}

// isReserved reports whether a name exists for documentation and tests only (RFC 2606, RFC 6761).
func isReserved(host string) bool {
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(host, ".")), ".")
	last := labels[len(labels)-1]
	if slices.Contains([]string{"example", "test", "invalid", "localhost"}, last) {
		return true
	}
	return len(labels) > 1 && labels[len(labels)-2] == "example" && slices.Contains([]string{"com", "net", "org"}, last)
}
