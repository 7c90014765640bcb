package flow

import (
	"io"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// Jar seals attempts, browsers and tries, and opens them. They are sealed for one app registration,
// redirect URI and response mode, so that a response for another one does not open here (mix-up,
// threat A9). It is immutable and safe for concurrent use.
type Jar struct {
	ring    *sealed.Ring
	prefix  string
	browser string // the name of the cookie for Browser
	tries   string // the name of the cookie for Tries
	paths   string // the beginning of the names of cookies for paths
	binding []string
}

// NewJar makes a jar. The names of its cookies begin with prefix.
func NewJar(ring *sealed.Ring, prefix, clientID, authority, redirectURI, responseMode string) *Jar {
	paths := prefix
	if rest, ok := strings.CutPrefix(prefix, "__Host-"); ok {
		paths = "__Secure-" + rest // these are for a part of the host's paths, which __Host- forbids
	}
	return &Jar{
		ring: ring, prefix: prefix, browser: prefix + "browser", tries: prefix + "tries", paths: paths + "to-",
		binding: []string{"flow", clientID, authority, redirectURI, responseMode},
	}
}

// Begin starts an attempt in a browser that leads to a page. restarts is how often it has been
// started before. If the requirements are too large, it returns [ErrRequirementsTooLarge].
func (j *Jar) Begin(random io.Reader, now time.Time, b Browser, to Destination, needs Requirements, restarts int) (*Attempt, error) {
	if _, err := needs.encode(); err != nil {
		return nil, err
	}
	a, err := begin(random, now, b, to, needs, restarts)
	if err != nil {
		return nil, err
	}
	return a, j.seal(a)
}

// BrowserName returns the name of the cookie for a Browser.
func (j *Jar) BrowserName() string { return j.browser }

// SealBrowser writes a Browser to its cookie.
func (j *Jar) SealBrowser(b Browser) Cookie {
	return Cookie{Name: j.browser, Value: encode(j.ring.Seal(b.encode(), j.browserContext()))}
}

// OpenBrowser reads a Browser from its cookie. An unreadable one is the zero Browser.
func (j *Jar) OpenBrowser(value string) Browser {
	ciphertext, err := decode(value)
	if err != nil {
		return Browser{}
	}
	plaintext, err := j.ring.Open(ciphertext, j.browserContext())
	if err != nil {
		return Browser{}
	}
	b, _ := decodeBrowser(plaintext)
	return b
}

func (j *Jar) browserContext() []byte {
	return sealed.Context(append([]string{"browser", j.browser}, j.binding...)...)
}
