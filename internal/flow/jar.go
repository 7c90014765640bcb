package flow

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

const (
	// maxCookies and maxBytes limit the space that attempts take of a request's header.
	// Fiber's default buffer is 4,096 bytes, and a larger header gets a 431 on every page
	// (threat D15).
	maxCookies = 7
	maxBytes   = 2500

	suffixSize = 8
)

// Cookie is a name and a value.
type Cookie struct{ Name, Value string }

func (c Cookie) size() int { return len(c.Name) + len(c.Value) + len("=; ") }

// Jar keeps attempts in cookies. They are sealed for one app registration, redirect URI and
// response mode, so that a response for another one does not open here (mix-up, threat A9). It is
// immutable and safe for concurrent use.
type Jar struct {
	ring    *sealed.Ring
	prefix  string
	tries   string // the name of the cookie for Tries
	binding []string
}

// NewJar makes a jar. The names of its cookies begin with prefix.
func NewJar(ring *sealed.Ring, prefix, clientID, authority, redirectURI, responseMode string) *Jar {
	return &Jar{ring: ring, prefix: prefix, tries: prefix + "tries", binding: []string{"flow", clientID, authority, redirectURI, responseMode}}
}

// Owns reports whether a name is that of an attempt's cookie in this jar.
func (j *Jar) Owns(name string) bool {
	return len(name) == len(j.prefix)+suffixSize && strings.HasPrefix(name, j.prefix)
}

// Name returns the name of the cookie for the attempt with this state.
func (j *Jar) Name(state string) string {
	sum := sha256.Sum256([]byte(state))
	return j.prefix + base64.RawURLEncoding.EncodeToString(sum[:])[:suffixSize]
}

// Seal writes an attempt to a cookie.
func (j *Jar) Seal(a *Attempt) (Cookie, error) {
	plaintext, err := a.encode()
	if err != nil {
		return Cookie{}, err
	}
	name := j.Name(a.State())
	ciphertext := j.ring.Seal(plaintext, j.context(name))
	return Cookie{Name: name, Value: base64.RawURLEncoding.EncodeToString(ciphertext)}, nil
}

// Open reads an attempt from a cookie, and reports whether the cookie is valid.
func (j *Jar) Open(c Cookie) (*Attempt, bool) {
	ciphertext, err := base64.RawURLEncoding.Strict().DecodeString(c.Value)
	if err != nil {
		return nil, false
	}
	plaintext, err := j.ring.Open(ciphertext, j.context(c.Name))
	if err != nil {
		return nil, false
	}
	a, err := decode(plaintext)
	if err != nil || j.Name(a.State()) != c.Name {
		return nil, false
	}
	return a, true
}

func (j *Jar) context(name string) []byte {
	return sealed.Context(append([]string{name}, j.binding...)...)
}

// Evict returns the names of the cookies that must be removed to make room for one more: the
// unreadable and expired ones, and then the oldest until all fit.
func (j *Jar) Evict(present []Cookie, next Cookie, now time.Time) (names []string) {
	type entry struct {
		Cookie
		startedAt time.Time
	}
	var valid []entry
	total := next.size()
	for _, c := range present {
		a, ok := j.Open(c)
		if !ok || a.Expired(now) {
			names = append(names, c.Name)
			continue
		}
		valid = append(valid, entry{c, a.startedAt})
		total += c.size()
	}
	slices.SortStableFunc(valid, func(x, y entry) int { return x.startedAt.Compare(y.startedAt) })
	for len(valid) > 0 && (len(valid) >= maxCookies || total > maxBytes) {
		names = append(names, valid[0].Name)
		total -= valid[0].size()
		valid = valid[1:]
	}
	return names
}
