package idtoken

import (
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/fibermsal/fibermsal/internal/discovery"
)

const (
	// keysMaxAge is how long keys are used without asking again; Entra rolls
	// them over without notice.
	keysMaxAge = 24 * time.Hour
	// keysMaxStale is how much longer old keys serve while none can be had.
	keysMaxStale = 24 * time.Hour
	// keysMinPause lies between two fetches that an unknown key id asked for:
	// a flood of made-up ids must not become a flood of calls (security.md B2).
	keysMinPause = 30 * time.Second
	// keysRetryPause is the same while there are no keys at all.
	keysRetryPause = time.Second

	minKeyBits = 2048
)

// ErrKeysUnavailable says that the signing keys could not be fetched, which is
// an outage and says nothing about the token.
var ErrKeysUnavailable = errors.New("idtoken: signing keys unavailable")

// KeySet is an authority's signing keys, fetched when needed. It is safe for
// concurrent use.
type KeySet struct {
	fetch func(context.Context) ([]byte, error)

	turn      chan struct{} // a lock that a request can stop waiting for
	keys      []signingKey
	fetchedAt time.Time
	triedAt   time.Time // any attempt
	forcedAt  time.Time // the last one that an unknown key id asked for
}

type signingKey struct {
	id     string
	issuer string
	public crypto.PublicKey
}

// NewKeySet makes a KeySet of the JWKS document that fetch gets.
func NewKeySet(fetch func(context.Context) ([]byte, error)) *KeySet {
	return &KeySet{fetch: fetch, turn: make(chan struct{}, 1)}
}

// verify checks the signature of a token that claims to come from issuer.
func (s *KeySet) verify(ctx context.Context, raw, issuer string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(signed.Signatures) != 1 {
		return nil, errors.New("idtoken: not one RS256 signature")
	}
	id := signed.Signatures[0].Header.KeyID
	for _, forced := range []bool{false, true} {
		keys, err := s.current(ctx, forced)
		if err != nil {
			return nil, err
		}
		if payload, ok := verifyWith(ctx, keys, id, issuer, raw); ok {
			return payload, nil
		}
		if id != "" && hasKey(keys, id) {
			break // the key is known: a newer set would not change the verdict
		}
	}
	return nil, errors.New("idtoken: no published key of the issuer made this signature")
}

func verifyWith(ctx context.Context, keys []signingKey, id, issuer, raw string) ([]byte, bool) {
	var candidates oidc.StaticKeySet
	for _, k := range keys {
		if (id == "" || k.id == id) && k.servesIssuer(issuer) {
			candidates.PublicKeys = append(candidates.PublicKeys, k.public)
		}
	}
	payload, err := candidates.VerifySignature(ctx, raw)
	return payload, err == nil
}

func hasKey(keys []signingKey, id string) bool {
	for _, k := range keys {
		if k.id == id {
			return true
		}
	}
	return false
}

// servesIssuer keeps a key of consumer accounts from signing for a company
// (security.md B5, Storm-0558): Entra publishes which issuer each key serves.
func (k signingKey) servesIssuer(issuer string) bool {
	if k.issuer == "" {
		return true
	}
	before, after, many := strings.Cut(k.issuer, discovery.TenantPlaceholder)
	if !many {
		return k.issuer == issuer
	}
	tenant, fits := strings.CutPrefix(issuer, before)
	tenant, ends := strings.CutSuffix(tenant, after)
	return fits && ends && discovery.IsGUID(tenant)
}

// current returns the keys, fetched anew if they are old, or if forced and the
// last fetch is not too recent.
func (s *KeySet) current(ctx context.Context, forced bool) ([]signingKey, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, errors.Join(ErrKeysUnavailable, context.Cause(ctx))
	}
	now := time.Now()
	if s.due(now, forced) {
		s.refresh(ctx, now)
	}
	if len(s.keys) == 0 || now.Sub(s.fetchedAt) > keysMaxAge+keysMaxStale {
		return nil, ErrKeysUnavailable
	}
	return s.keys, nil
}

func (s *KeySet) due(now time.Time, forced bool) bool {
	if forced && len(s.keys) > 0 {
		if now.Sub(s.forcedAt) < keysMinPause {
			return false
		}
		s.forcedAt = now
		return true
	}
	old := len(s.keys) == 0 || now.Sub(s.fetchedAt) >= keysMaxAge
	return old && now.Sub(s.triedAt) >= keysRetryPause
}

func (s *KeySet) refresh(ctx context.Context, now time.Time) {
	s.triedAt = now
	body, err := s.fetch(ctx)
	if err != nil {
		return
	}
	if keys := parseKeys(body); len(keys) > 0 {
		s.keys, s.fetchedAt = keys, now
	}
}

// parseKeys takes the RSA signing keys of a JWKS and passes over what it does
// not know, as RFC 7517 section 5 asks.
func parseKeys(body []byte) []signingKey {
	var document struct{ Keys []json.RawMessage }
	if json.Unmarshal(body, &document) != nil {
		return nil
	}
	var keys []signingKey
	for _, raw := range document.Keys {
		var jwk jose.JSONWebKey
		var more struct{ Issuer string }
		if json.Unmarshal(raw, &jwk) != nil || json.Unmarshal(raw, &more) != nil {
			continue
		}
		public, ok := jwk.Key.(*rsa.PublicKey)
		if ok && (jwk.Use == "" || jwk.Use == "sig") && public.N.BitLen() >= minKeyBits {
			keys = append(keys, signingKey{id: jwk.KeyID, issuer: more.Issuer, public: public})
		}
	}
	return keys
}
