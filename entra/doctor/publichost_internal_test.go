package doctor

import (
	"context"
	"errors"
	"net"
	"testing"
)

func TestPublicHost_NeedsAnAddress(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		url      string
		local    bool
		err      error
		severity Severity
		code     string
	}{
		"resolved":       {url: "https://app.contoso.com", severity: SeverityOK, code: "public_host"},
		"unknown":        {url: "https://app.contso.com", err: &net.DNSError{IsNotFound: true}, severity: SeverityWarning, code: "public_host"},
		"no resolver":    {url: "https://app.contoso.com", err: &net.DNSError{IsTimeout: true}, severity: SeverityWarning, code: "public_host_unchecked"},
		"another error":  {url: "https://app.contoso.com", err: errors.New("x"), severity: SeverityWarning, code: "public_host_unchecked"},
		"an address":     {url: "https://192.0.2.1", err: errors.New("must not be looked up")},
		"this machine":   {url: "http://localhost:3000", local: true, err: errors.New("must not be looked up")},
		"for tests":      {url: "https://app.example", err: errors.New("must not be looked up"), severity: SeverityOK, code: "public_host"},
		"for documents":  {url: "https://app.example.com:8443", err: errors.New("must not be looked up"), severity: SeverityOK, code: "public_host"},
		"similar to one": {url: "https://example.contoso.com", err: &net.DNSError{IsNotFound: true}, severity: SeverityWarning, code: "public_host"},
	} {
		d := &diagnosis{Options: Options{PublicURL: row.url, Local: row.local, Lookup: func(context.Context, string) ([]string, error) {
			return []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, row.err
		}}}
		findings := d.publicHost(t.Context())
		switch {
		case row.code == "" && len(findings) != 0:
			t.Errorf("%s: %v", name, findings)
		case row.code != "" && (len(findings) != 1 || findings[0].Code != row.code || findings[0].Severity != row.severity):
			t.Errorf("%s: %v", name, findings)
		}
	}
}
