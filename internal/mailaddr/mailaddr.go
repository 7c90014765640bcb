// Package mailaddr normalizes mail addresses to the form in which they are shown
// and looked up.
//
// Addresses are attributes, never identities (threat B9). Still, two different
// addresses must not become equal. Unusual addresses are therefore rejected and
// not repaired, because repairs would accept "attacker@evil.com@company.com" and
// homoglyphs (B10).
package mailaddr

import "strings"

// maxLength is the maximum length of an address in SMTP (RFC 5321 section 4.5.3.1.3).
const maxLength = 254

const atext = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~"

const domainText = "abcdefghijklmnopqrstuvwxyz0123456789-"

// Normalize trims an address and converts it to lower case. It returns false unless the
// address has one "@" between an ASCII dot-atom and a host name.
func Normalize(raw string) (address string, ok bool) {
	address = strings.ToLower(strings.Trim(raw, " "))
	local, domain, found := strings.Cut(address, "@")
	if !found || len(address) > maxLength || hasNonASCII(raw) ||
		!dotted(local, atext) || !dotted(domain, domainText) {
		return "", false
	}
	return address, true
}

// hasNonASCII reports whether s contains a character that is not ASCII. It must be called
// before the conversion, because the Kelvin sign becomes an ASCII "k" in lower case.
func hasNonASCII(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e })
}

// dotted reports whether s consists of non-empty labels, separated by dots, whose characters are all in
// alphabet.
func dotted(s, alphabet string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.Trim(label, alphabet) != "" {
			return false
		}
	}
	return true
}
