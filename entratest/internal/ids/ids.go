// Package ids creates and recognizes the identifiers of Entra ID, which are GUIDs and opaque texts.
package ids

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
)

var guid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// IsGUID reports whether text is a GUID in lower case.
func IsGUID(text string) bool { return guid.MatchString(text) }

// Text returns n unguessable characters of the base64url alphabet.
func Text(n int) string {
	raw := make([]byte, (n*3+3)/4)
	_, _ = rand.Read(raw) // never fails: crypto/rand crashes the program instead
	return base64.RawURLEncoding.EncodeToString(raw)[:n]
}

// New returns a random GUID, the form of Entra's trace, session and request ids.
func New() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return format(b)
}

// Of returns the GUID that belongs to these names, which is always the same.
func Of(names ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "/")))
	return format([16]byte(sum[:16]))
}

func format(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
