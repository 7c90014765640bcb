package idtoken

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/jws"
)

const (
	// keysMaxAge is how long keys are used before they are fetched again. Entra
	// rolls them over without notice.
	keysMaxAge = 24 * time.Hour
	// keysMaxStale is how much longer old keys are used while fetching fails.
	keysMaxStale = 24 * time.Hour
	// keysMinPause is the minimum time between two fetches because of an unknown key ID, so that a
	// flood of made-up IDs does not cause a flood of calls (threat B2).
	keysMinPause = 30 * time.Second
	// keysRetryPause is the minimum time before a retry after a failed fetch.
	keysRetryPause = time.Second

	keysTimeout = 10 * time.Second

	minKeyBits = 2048
)

// ErrKeysUnavailable means that the signing keys could not be fetched. This is an outage, and the token
// may be valid.
var ErrKeysUnavailable = errors.New("idtoken: signing keys unavailable")

// KeySet holds an authority's signing keys and fetches them when they are needed.
// It is safe for concurrent use.
type KeySet struct {
	fetch  func(context.Context) ([]byte, error)
	flight flight.Group
	naming *KeySet // see NamedBy

	mu        sync.Mutex // guards what follows
	keys      []signingKey
	fetchedAt time.Time
	forcedAt  time.Time // of the last fetch because of an unknown key ID
	failedAt  time.Time
}

type signingKey struct {
	id     string
	issuer string
	public *rsa.PublicKey
}

// NewKeySet returns a KeySet for the JWKS document that fetch returns.
func NewKeySet(fetch func(context.Context) ([]byte, error)) *KeySet {
	return &KeySet{fetch: fetch}
}

// NamedBy uses another set to find the issuers of keys that contain no issuer, and returns s. It must
// be called before s is used.
func (s *KeySet) NamedBy(other *KeySet) *KeySet {
	s.naming = other
	return s
}

// Ready fetches the keys unless there are current ones. It returns [ErrKeysUnavailable] if there are
// still none. A token may still need a key that is not among them.
func (s *KeySet) Ready(ctx context.Context) error {
	_, err := s.current(ctx, false)
	return err
}

// Verify verifies the signature of a token by a key of one of the issuers. It is RS256 (RFC 7518 section 3.3):
// the header of a token only selects one of the published keys, and can neither choose the algorithm nor
// supply a key (threat B1).
func (s *KeySet) Verify(ctx context.Context, h *jws.Header, issuers ...string) error {
	if !h.IsRS256() {
		return errOtherAlgorithm
	}
	sum := sha256.Sum256(h.Signed)
	for _, forced := range []bool{false, true} {
		keys, err := s.current(ctx, forced)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if (h.KeyID == "" || k.id == h.KeyID) && slices.ContainsFunc(issuers, k.servesIssuer) &&
				rsa.VerifyPKCS1v15(k.public, crypto.SHA256, sum[:], h.Signature) == nil {
				return s.checkNamed(ctx, k, issuers)
			}
		}
		if h.KeyID != "" && hasKey(keys, h.KeyID) {
			break // the set contains the key, so a newer set would give the same result
		}
	}
	return errOtherKey
}

var (
	errOtherAlgorithm = errors.New("idtoken: not an RS256 signature")
	errOtherKey       = errors.New("idtoken: no published key of the issuer made this signature")
)

// checkNamed returns an error if a key contains no issuer and, according to the set of NamedBy, belongs
// to another issuer (threat B5). A key that is not in that set is accepted.
func (s *KeySet) checkNamed(ctx context.Context, key signingKey, issuers []string) error {
	if key.issuer != "" || s.naming == nil {
		return nil
	}
	named, err := s.naming.current(ctx, false)
	if err != nil {
		return err
	}
	named = slices.DeleteFunc(slices.Clone(named), func(k signingKey) bool { return !k.public.Equal(key.public) })
	if len(named) > 0 && !slices.ContainsFunc(named, func(k signingKey) bool { return slices.ContainsFunc(issuers, k.servesIssuer) }) {
		return errOtherKey
	}
	return nil
}

func hasKey(keys []signingKey, id string) bool {
	for _, k := range keys {
		if k.id == id {
			return true
		}
	}
	return false
}

// servesIssuer reports whether a key may sign tokens of an issuer. Entra publishes the
// issuer of each key. Without this check, a key for consumer accounts could sign tokens of
// a company (threat B5, Storm-0558).
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

// current returns the keys. It fetches them if they are old, or if forced is set and the last forced
// fetch is not too recent. Old keys are used while fetching fails. If forced is set, a failed fetch is
// an error, because the missing key may be among the new ones.
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

// due reports whether the keys must be fetched now, and whether the fetch must wait because the last
// one has just failed.
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

// refresh fetches the keys, once for all concurrent callers. The fetch has its own deadline; a caller
// whose context ends stops waiting.
func (s *KeySet) refresh(ctx context.Context, forced bool) error {
	// A forced call must not join an unforced fetch, which may find that nothing is due.
	fetched := s.flight.Begin(strconv.FormatBool(forced), func() (any, error) { //nolint:contextcheck // see above
		// Another fetch may have ended after the caller called due.
		switch due, pausing := s.due(time.Now(), forced); {
		case pausing:
			return nil, ErrKeysUnavailable
		case !due:
			return nil, nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), keysTimeout)
		defer cancel()
		var body []byte
		err := flight.Caught(func() (err error) { // the transport may belong to the app and panic
			body, err = s.fetch(ctx)
			return err
		})
		return nil, s.recordFetch(parseKeys(body), err, forced)
	})
	select {
	case result := <-fetched:
		return result.Err
	case <-ctx.Done():
		return ErrKeysUnavailable
	}
}

// recordFetch records the result of a fetch, and also that the fetch was forced. The callers cannot
// record this, because they may have stopped waiting, and the next callers would then fetch again.
func (s *KeySet) recordFetch(keys []signingKey, err error, forced bool) error {
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

// parseKeys returns the RSA signing keys of a JWKS. It ignores keys that it does not
// understand, as RFC 7517 section 5 requires.
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
