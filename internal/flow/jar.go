package flow

import (
	"crypto/sha256"
	"strings"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// suffixSize is the length of the part of a cookie's name that belongs to one app, and in earlier
// versions to one attempt.
const suffixSize = 8

// Jar seals attempts, browsers and tries, and opens them. They are sealed for one app registration,
// redirect URI and response mode, so that a response for another one does not open here (mix-up,
// threat A9). It is immutable and safe for concurrent use.
type Jar struct {
	ring    *sealed.Ring
	prefix  string
	browser string // the name of the cookie for Browser
	tries   string // the name of the cookie for Tries
	paths   string // the beginning of the names of the cookies for paths
	binding []string
}

// NewJar makes a jar. The names of its cookies begin with prefix.
func NewJar(ring *sealed.Ring, prefix, clientID, authority, redirectURI, responseMode string) *Jar {
	paths := prefix
	if rest, ok := strings.CutPrefix(prefix, "__Host-"); ok {
		paths = "__Secure-" + rest // these are for a part of the host's paths, which __Host- forbids
	}
	binding := []string{"flow", clientID, authority, redirectURI, responseMode}
	sum := sha256.Sum256(sealed.Context(binding...))
	app := encode(sum[:])[:suffixSize] // apps on one host do not overwrite each other's
	return &Jar{
		ring: ring, prefix: prefix, browser: prefix + app, tries: prefix + "tries", paths: paths + app + "-", binding: binding,
	}
}

// cookieContext binds what is sealed to a cookie of its name.
func (j *Jar) cookieContext(name string) []byte {
	return sealed.Context(append([]string{name}, j.binding...)...)
}

// sealText seals content as text for a cookie or a URL. context binds it to its place.
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
