package token

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/session"
)

// Any data that this version, an earlier or a later one has sealed as the outcome of an on-behalf-of
// call is read without a panic, can be written and read again without changes, and is not used after
// the caller's token has expired.
func FuzzOutcomeRecord(f *testing.F) {
	for _, seed := range []string{
		`{"token":"t","expires_on":"2030-01-01T00:00:00Z","refresh_on":"2030-01-01T00:00:00Z","at":"2029-01-01T00:00:00Z"}`,
		`{"code":"consent_required","reason":"r","scopes":["User.Read"],"until":"2030-01-01T00:00:00Z"}`, `{"code":"claims_challenge","claims":"{}"}`,
		`{"code":"login_required"}`, `{"code":"unavailable","until":"9999-12-31T23:59:59Z"}`, `{"code":"of a later version"}`, `{}`, `null`, `[]`, ``, `{"TOKEN":"t"}`, `{"token":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		o := decodeOutcome(content)
		encoded := o.encode()
		if again := decodeOutcome(encoded).encode(); !bytes.Equal(again, encoded) {
			t.Fatalf("%s\nbecame\n%s", encoded, again)
		}
		var e *autherr.Error
		if err := o.failure(); !errors.As(err, &e) || e.Status < 400 {
			t.Fatalf("%s: %v", content, err)
		}
		end := time.Now().Add(time.Hour)
		q := &Request{session: &session.Session{User: session.Identity{ExpiresAt: end}}}
		if life := o.life(q); life > time.Hour {
			t.Fatalf("%s is stored for %v", content, life)
		}
		if got := o.token(q); got.ExpiresOn.After(end.Add(time.Hour)) {
			t.Fatalf("%s is used until %v", content, got.ExpiresOn)
		}
	})
}
