package tokencache

import "time"

const (
	// minLife is the life that a token must have left to be handed out, because a call to an
	// API takes time and clocks differ.
	minLife = 30 * time.Second
	// renewEarly is how long before its end a token is renewed in the background, or a quarter
	// of its life if that is less.
	renewEarly = 10 * time.Minute
)

// Token is an access token of a cache.
type Token struct {
	Secret    string
	ExpiresOn time.Time
	RefreshOn time.Time // zero if Entra named none
	CachedAt  time.Time
}

// Usable reports whether the token lives long enough to be handed out.
func (t Token) Usable(now time.Time) bool { return t.ExpiresOn.Sub(now) > minLife }

// RenewAt returns when to renew the token: when Entra says, or before its end.
func (t Token) RenewAt() time.Time {
	if !t.RefreshOn.IsZero() {
		return t.RefreshOn
	}
	return t.ExpiresOn.Add(-min(renewEarly, t.ExpiresOn.Sub(t.CachedAt)/4))
}
