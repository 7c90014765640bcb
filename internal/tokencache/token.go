package tokencache

import "time"

const (
	// MinLife is the lifetime that a token must have left to be usable, because a call to an API
	// takes time and clocks differ.
	MinLife = 30 * time.Second
	// renewEarly is how long before its expiry a token is renewed in the background, unless a
	// quarter of its lifetime is less.
	renewEarly = 10 * time.Minute
)

// Token is an access token of a cache.
type Token struct {
	Secret    string
	ExpiresOn time.Time
	RefreshOn time.Time // zero if Entra returned none
	CachedAt  time.Time
}

// Usable reports whether the token is valid for long enough to be used.
func (t Token) Usable(now time.Time) bool { return t.ExpiresOn.Sub(now) > MinLife }

// RenewAt returns when to renew the token: at the time that Entra returned, or some time before
// its expiry.
func (t Token) RenewAt() time.Time {
	if !t.RefreshOn.IsZero() {
		return t.RefreshOn
	}
	return t.ExpiresOn.Add(-min(renewEarly, t.ExpiresOn.Sub(t.CachedAt)/4))
}
