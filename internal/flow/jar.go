package flow

import (
	"crypto/sha256"
	"strings"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// suffixSize is the length of the part of a cookie's name that identifies an app or, in earlier
// versions, an attempt.
const suffixSize = 8

// Jar seals and opens attempts, browsers and tries. They are bound to one app registration, redirect
// URI and response mode, so that a response for another one does not open here (mix-up, threat A9). It
// is immutable and safe for concurrent use.
type Jar struct {
	ring    *sealed.Ring
	prefix  string
	browser string // the name of the cookie for Browser
	tries   string // the name of the cookie for Tries
	paths   string // the prefix of the names of the cookies for paths
	binding []string
}

// NewJar returns a Jar. The names of its cookies begin with prefix.
func NewJar(ring *sealed.Ring, prefix, clientID, authority, redirectURI, responseMode string) *Jar {
	paths := prefix
	if rest, ok := strings.CutPrefix(prefix, "__Host-"); ok {
		paths = "__Secure-" + rest // these cookies are for only some paths of the host, which __Host- forbids
	}
	binding := []string{"flow", clientID, authority, redirectURI, responseMode}
	sum := sha256.Sum256(sealed.Context(binding...))
	app := encode(sum[:])[:suffixSize] // apps on one host do not overwrite each other's cookies
	return &Jar{
		ring: ring, prefix: prefix, browser: prefix + app, tries: prefix + "tries", paths: paths + app + "-", binding: binding,
	}
}

// cookieContext binds sealed content to the name of its cookie.
func (j *Jar) cookieContext(name string) []byte {
	return sealed.Context(append([]string{name}, j.binding...)...)
}

// sealText seals content as text for a cookie or a URL. context binds the content to its use.
func (j *Jar) sealText(plaintext, context []byte) string {
	return encode(j.ring.Seal(plaintext, context))
}

// open reverses sealText.
func (j *Jar) open(text string, context []byte) ([]byte, error) {
	ciphertext, err := decode(text)
	if err != nil {
		return nil, err
	}
	return j.ring.Open(ciphertext, context)
}
