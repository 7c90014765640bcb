package idtoken

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/flight"
)

const (
	// keysMaxAge is how long keys are used without asking again; Entra rolls
	// them over without notice.
	keysMaxAge = 24 * time.Hour
	// keysMaxStale is how much longer old keys serve while none can be had.
	keysMaxStale = 24 * time.Hour
	// keysMinPause lies between two fetches that an unknown key id asked for:
	// a flood of made-up ids must not become a flood of calls (threat B2).
	keysMinPause = 30 * time.Second
	// keysRetryPause is how long a failure is remembered.
	keysRetryPause = time.Second

	keysTimeout = 10 * time.Second

	minKeyBits = 2048
)

// ErrKeysUnavailable says that the signing keys could not be fetched, which is
// an outage and says nothing about the token.
var ErrKeysUnavailable = errors.New("idtoken: signing keys unavailable")

// KeySet is an authority's signing keys, fetched when needed. It is safe for
// concurrent use.
type KeySet struct {
	fetch  func(context.Context) ([]byte, error)
	flight flight.Group

	mu        sync.Mutex // guards what follows
	keys      []signingKey
	fetchedAt time.Time
	forcedAt  time.Time // the last fetch that an unknown key id asked for
	failedAt  time.Time
}

type signingKey struct {
	id     string
	issuer string
	public *rsa.PublicKey
}

// NewKeySet makes a KeySet of the JWKS document that fetch gets.
func NewKeySet(fetch func(context.Context) ([]byte, error)) *KeySet {
	return &KeySet{fetch: fetch}
}

// Ready makes sure that there are keys, though perhaps not those that a token needs. It
// returns [ErrKeysUnavailable] if there are none.
func (s *KeySet) Ready(ctx context.Context) error {
	_, err := s.current(ctx, false)
	return err
}

// verify checks the signature of a token that claims to come from issuer, and returns what
// was signed. The token's own header chooses among the published keys, and nothing else:
// neither the algorithm nor a key that it brings (threat B1).
func (s *KeySet) verify(ctx context.Context, raw, issuer string) (payload []byte, err error) {
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(signed.Signatures) != 1 {
		return nil, errors.New("idtoken: not one RS256 signature")
	}
	header := signed.Signatures[0].Protected
	for _, extension := range []jose.HeaderKey{"crit", "b64"} { // Entra uses none, and a JWT may not (RFC 7797 section 7)
		if _, present := header.ExtraHeaders[extension]; present {
			return nil, errors.New("idtoken: a header that changes what is signed")
		}
	}
	id := header.KeyID
	for _, forced := range []bool{false, true} {
		keys, err := s.current(ctx, forced)
		if err != nil {
			return nil, err
		}
		if payload, ok := verifyWith(keys, id, issuer, signed); ok {
			return payload, nil
		}
		if id != "" && hasKey(keys, id) {
			break // the key is known: a newer set would not change the verdict
		}
	}
	return nil, errors.New("idtoken: no published key of the issuer made this signature")
}

func verifyWith(keys []signingKey, id, issuer string, signed *jose.JSONWebSignature) (payload []byte, ok bool) {
	for _, k := range keys {
		if (id != "" && k.id != id) || !k.servesIssuer(issuer) {
			continue
		}
		if payload, err := signed.Verify(k.public); err == nil {
			return payload, true
		}
	}
	return nil, false
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
// (threat B5, Storm-0558): Entra publishes which issuer each key serves.
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
// last time is not too recent. Old keys serve while no others can be had, but for a
// key that they do not hold that is an outage, not a verdict.
func (s *KeySet) current(ctx context.Context, forced bool) ([]signingKey, error) {
	due, pausing := s.due(time.Now(), forced)
	var err error
	switch {
	case pausing:
		err = ErrKeysUnavailable
	case due:
		err = s.refresh(ctx, forced)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.keys) == 0 || time.Since(s.fetchedAt) > keysMaxAge+keysMaxStale || (forced && err != nil) {
		return nil, ErrKeysUnavailable
	}
	return s.keys, nil
}

// due reports whether to fetch now, or that it would be time but for a failure a
// moment ago.
func (s *KeySet) due(now time.Time, forced bool) (due, pausing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.keys) == 0 || now.Sub(s.fetchedAt) >= keysMaxAge:
		due = true
	case forced:
		due = now.Sub(s.forcedAt) >= keysMinPause
	}
	if due && now.Sub(s.failedAt) < keysRetryPause {
		return false, true
	}
	return due, false
}

// refresh fetches the keys once for all who wait, with a deadline that none of
// them sets.
func (s *KeySet) refresh(ctx context.Context, forced bool) error {
	// Who asks for a key that is not known must not join a flight that finds nothing due.
	fetched := s.flight.Begin(strconv.FormatBool(forced), func() (any, error) { //nolint:contextcheck // see above
		// The last flight may have landed between the caller's look and this one.
		switch due, pausing := s.due(time.Now(), forced); {
		case pausing:
			return nil, ErrKeysUnavailable
		case !due:
			return nil, nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), keysTimeout)
		defer cancel()
		var body []byte
		err := flight.Caught(func() (err error) { // the transport may be the app's
			body, err = s.fetch(ctx)
			return err
		})
		return nil, s.note(parseKeys(body), err, forced)
	})
	select {
	case result := <-fetched:
		return result.Err
	case <-ctx.Done():
		return ErrKeysUnavailable
	}
}

// note remembers how a fetch ended. That an unknown key id asked for it is noted here and
// not by those who wait: each of them may have left, and the next ones would fetch again.
func (s *KeySet) note(keys []signingKey, err error, forced bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if err != nil || len(keys) == 0 {
		s.failedAt = now
		return ErrKeysUnavailable
	}
	s.keys, s.fetchedAt = keys, now
	if forced {
		s.forcedAt = now
	}
	return nil
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
