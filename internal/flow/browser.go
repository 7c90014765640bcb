package flow

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"slices"
)

const (
	secretSize = 16
	// maxSecrets limits the size of the cookie. If more attempts are in progress, the oldest become foreign.
	maxSecrets = 12
)

// owner identifies a secret of a Browser without revealing it.
type owner [16]byte

// Browser binds attempts to the browser that began them. It contains a secret for each attempt, and the
// session that a completed attempt replaces, because the callback of form_post is a cross-site POST,
// which does not include the session's Lax cookie. A secret that an attacker has planted in a browser
// is useless for attempts that begin later. The zero Browser owns no attempts. It is immutable.
type Browser struct {
	secrets [][]byte // newest first
	session string
}

// IsEmpty reports whether no attempt is in progress in the browser.
func (b Browser) IsEmpty() bool { return len(b.secrets) == 0 }

// Session returns the ID of the browser's session, or "".
func (b Browser) Session() string { return b.session }

// WithSession returns the Browser with another session.
func (b Browser) WithSession(id string) Browser {
	b.session = id
	return b
}

// Without returns the Browser without the secret of an attempt that is over.
func (b Browser) Without(a *Attempt) Browser {
	b.secrets = slices.DeleteFunc(slices.Clone(b.secrets), func(s []byte) bool { return ownerOf(s) == a.owner })
	return b
}

// withSecret returns the Browser with another secret.
func (b Browser) withSecret(random io.Reader) (Browser, []byte, error) {
	secret := make([]byte, secretSize)
	if _, err := io.ReadFull(random, secret); err != nil {
		return b, nil, fmt.Errorf("flow: no randomness: %w", err)
	}
	all := append([][]byte{secret}, b.secrets...)
	b.secrets = all[:min(len(all), maxSecrets)]
	return b, secret, nil
}

// secretOf returns the secret that belongs to an owner, or nil.
func (b Browser) secretOf(of owner) (found []byte) {
	for _, s := range b.secrets {
		if o := ownerOf(s); subtle.ConstantTimeCompare(o[:], of[:]) == 1 {
			found = s
		}
	}
	return found
}

func ownerOf(secret []byte) owner {
	sum := sha256.Sum256(append([]byte("fibermsal browser"), secret...))
	return owner(sum[:len(owner{})])
}

func (b Browser) encode() []byte {
	out := []byte{byte(len(b.secrets))} //nolint:gosec // at most maxSecrets
	for _, s := range b.secrets {
		out = append(out, s...)
	}
	return append(out, b.session...)
}

func decodeBrowser(plaintext []byte) (b Browser, ok bool) {
	if len(plaintext) == 0 || len(plaintext) < 1+int(plaintext[0])*secretSize {
		return Browser{}, false
	}
	rest := plaintext[1:]
	for range plaintext[0] {
		b.secrets, rest = append(b.secrets, rest[:secretSize]), rest[secretSize:]
	}
	return b.WithSession(string(rest)), true
}

// BrowserName returns the name of the cookie for a Browser.
func (j *Jar) BrowserName() string { return j.browser }

// SealBrowser returns the cookie for a Browser.
func (j *Jar) SealBrowser(b Browser) Cookie {
	return Cookie{Name: j.browser, Value: j.sealText(b.encode(), j.cookieContext(j.browser))}
}

// OpenBrowser reads a Browser from its cookie. It returns the zero Browser if the cookie is unreadable.
func (j *Jar) OpenBrowser(value string) Browser {
	plaintext, err := j.open(value, j.cookieContext(j.browser))
	if err != nil {
		return Browser{}
	}
	b, _ := decodeBrowser(plaintext)
	return b
}
