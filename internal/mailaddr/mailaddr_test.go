package mailaddr_test

import (
	"net/mail"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/mailaddr"
)

// net/mail accepts every address that is accepted here. Different addresses become equal only if they
// differ just in case and surrounding spaces (threats B9, B10).
func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{
		"", "a@b", " Adele.Vance@Contoso.COM ", "a@b@c", "attacker@evil.com@company.com", "@b", "a@", "a..b@c", ".a@b", "a@b.", "a@-", "a b@c",
		"\u212aelvin@b", "a@b\u3002c", "a@b\x00", "a@b\n", `"a b"@c`, "a(comment)@b", "<a@b>", "a@[127.0.0.1]", "a+tag@b", "a%40b@c", strings.Repeat("a", 250) + "@b.c",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		address, ok := mailaddr.Normalize(raw)
		if !ok {
			if address != "" {
				t.Fatalf("%q: %q is returned without being accepted", raw, address)
			}
			return
		}
		if again, ok := mailaddr.Normalize(address); !ok || again != address {
			t.Fatalf("%q: %q becomes %q", raw, address, again)
		}
		if !strings.EqualFold(address, strings.Trim(raw, " ")) || len(address) > 254 || strings.Count(address, "@") != 1 {
			t.Fatalf("%q becomes %q", raw, address)
		}
		if strings.ContainsFunc(raw, func(r rune) bool { return r > '~' }) { // of which lower case may make ASCII
			t.Fatalf("%q: %q was repaired", raw, address)
		}
		if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("%q: %q is not visible ASCII", raw, address)
		}
		if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
			t.Fatalf("%q: net/mail reads %q as %v, %v", raw, address, parsed, err)
		}
	})
}
