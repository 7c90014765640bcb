// Package mailaddr brings mail addresses into the one form in which they are
// shown and looked up.
//
// Addresses are attributes, never identities (threat B9). Still, two that
// differ must not become one: unusual ones are refused instead of repaired, for
// repairs are how "attacker@evil.com@company.com" and homoglyphs got in (B10).
package mailaddr

import "strings"

// maxLength is the longest address SMTP can carry (RFC 5321 section 4.5.3.1.3).
const maxLength = 254

const atext = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~"

const domainText = "abcdefghijklmnopqrstuvwxyz0123456789-"

// Normalize trims and lower-cases an address, or says that it is none: one "@",
// a dot-atom of ASCII on the left and a host name on the right.
func Normalize(raw string) (address string, ok bool) {
	address = strings.ToLower(strings.Trim(raw, " "))
	local, domain, found := strings.Cut(address, "@")
	if !found || len(address) > maxLength || hasNonASCII(raw) ||
		!dotted(local, atext) || !dotted(domain, domainText) {
		return "", false
	}
	return address, true
}

// hasNonASCII looks at the address before lower-casing: the Kelvin sign lowers
// to an ASCII "k".
func hasNonASCII(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e })
}

// dotted reports whether s is a list of non-empty labels over an alphabet.
func dotted(s, alphabet string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.Trim(label, alphabet) != "" {
			return false
		}
	}
	return true
}
