package flow

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

const (
	// browserFor is how long attempts are begun with one secret, if they never cease.
	browserFor = 12 * time.Hour
	secretSize = 32
)

// owner identifies a Browser without revealing its secret.
type owner [16]byte

// Browser is what binds attempts to the browser that began them, and the session that a completed
// one replaces: the callback of form_post is a cross-site POST, which does not bring the session's
// Lax cookie. The zero Browser owns no attempt. It is immutable.
type Browser struct {
	secret    []byte
	startedAt time.Time
	session   string
}

// NewBrowser returns a Browser with a new secret.
func NewBrowser(random io.Reader, now time.Time) (Browser, error) {
	secret := make([]byte, secretSize)
	if _, err := io.ReadFull(random, secret); err != nil {
		return Browser{}, fmt.Errorf("flow: no randomness: %w", err)
	}
	return Browser{secret: secret, startedAt: now}, nil
}

// Session returns the ID of the browser's session, or "".
func (b Browser) Session() string { return b.session }

// WithSession returns the Browser with another session.
func (b Browser) WithSession(id string) Browser {
	b.session = id
	return b
}

// MayBegin reports whether further attempts may begin with the secret.
func (b Browser) MayBegin(now time.Time) bool {
	age := now.Sub(b.startedAt)
	return b.secret != nil && -time.Minute <= age && age <= browserFor
}

// owns reports in constant time whether the browser is an attempt's owner.
func (b Browser) owns(of owner) bool {
	o := b.owner()
	return b.secret != nil && subtle.ConstantTimeCompare(o[:], of[:]) == 1
}

func (b Browser) owner() (o owner) {
	sum := sha256.Sum256(append([]byte("fibermsal browser"), b.secret...))
	copy(o[:], sum[:])
	return o
}

func (b Browser) encode() []byte {
	out := binary.BigEndian.AppendUint64(append([]byte{}, b.secret...), uint64(b.startedAt.Unix())) //nolint:gosec // decodeBrowser reverses it
	return append(out, b.session...)
}

func decodeBrowser(plaintext []byte) (b Browser, ok bool) {
	const fixed = secretSize + 8
	if len(plaintext) < fixed {
		return Browser{}, false
	}
	seconds := binary.BigEndian.Uint64(plaintext[secretSize:fixed])
	return Browser{
		secret: plaintext[:secretSize], startedAt: time.Unix(int64(seconds), 0), session: string(plaintext[fixed:]), //nolint:gosec // as encode wrote it
	}, true
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
