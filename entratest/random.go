package entratest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// randomText returns n unguessable characters of the base64url alphabet.
func randomText(n int) string {
	raw := make([]byte, (n*3+3)/4)
	_, _ = rand.Read(raw) // never fails: crypto/rand crashes the program instead
	return base64.RawURLEncoding.EncodeToString(raw)[:n]
}

// guidOf returns the GUID of these names, always the same.
func guidOf(names ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "/")))
	return formatGUID([16]byte(sum[:16]))
}

// newGUID returns a random GUID, the form of Entra's trace, session and request ids.
func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return formatGUID(b)
}

func formatGUID(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
