package token

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"go.opentelemetry.io/otel/trace"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/telemetry"
	"github.com/fibermsal/fibermsal/internal/turn"
)

// OnBehalf exchanges the access tokens of clients, called assertions, for tokens of other services. The
// results are shared with the other instances in sealed records, which are kept no longer than the
// assertion is valid. It is safe for concurrent use.
type OnBehalf struct {
	Options
	*source
}

// NewOnBehalf returns an OnBehalf that attaches tokens to the callers in a cache.
func NewOnBehalf(o Options, callers *session.Cache) *OnBehalf {
	b := &OnBehalf{Options: o}
	b.source = &source{
		memory: memory{callers}, telemetry: o.Telemetry, background: o.Background, turns: turn.NewQueue(), acquire: b.acquire,
	}
	return b
}

// Request returns the request for a token on behalf of a caller. Scopes are treated as by
// [Renewer.Request].
func (b *OnBehalf) Request(caller *session.Session, assertion string, requested []string) Request {
	q := requestFor(b.Authority.Scopes, caller, requested)
	q.assertion = assertion
	return q
}

// Token is like [Renewer.Token]. The token expires no later than the assertion.
func (b *OnBehalf) Token(ctx context.Context, q Request) (azcore.AccessToken, error) {
	if err := q.checkAssertion(); err != nil {
		return azcore.AccessToken{}, err
	}
	t, err := b.source.Token(ctx, q)
	return limited(t, &q), err
}

// Replace is like [Renewer.Replace].
func (b *OnBehalf) Replace(ctx context.Context, q Request, rejected string) (azcore.AccessToken, error) {
	if err := q.checkAssertion(); err != nil {
		return azcore.AccessToken{}, err
	}
	t, err := b.source.Replace(ctx, q, rejected)
	return limited(t, &q), err
}

// checkAssertion returns an error for an assertion that Entra would refuse. Because clocks differ, a
// guard accepts an assertion until some minutes after its expiry, and requests in these minutes must
// not each cause a call.
func (q *Request) checkAssertion() error {
	switch caller := &q.session.User; {
	case caller.AppOnly:
		return autherr.Forbidden.New("app_token", errors.New("the caller is an app without a user, so there is no user to call on behalf of; use AppCredential"))
	case !time.Now().Before(caller.ExpiresAt):
		return autherr.InvalidToken.New("assertion_expired", errors.New("the access token has expired, so nothing can be called on behalf of its user"))
	}
	return nil
}

// limited returns a token that expires no later than the assertion.
func limited(t azcore.AccessToken, q *Request) azcore.AccessToken {
	if end := q.session.User.ExpiresAt; t.ExpiresOn.After(end) {
		t.ExpiresOn, t.RefreshOn = end, time.Time{}
	}
	return t
}

// acquire returns the token in the storage, or exchanges the assertion, once among all instances. If
// the storage fails, it exchanges the assertion once in each instance.
func (b *OnBehalf) acquire(ctx context.Context, q Request, early bool) (stored, error) {
	name := b.record(&q)
	last, err := b.load(ctx, &q, name)
	if found, done, err := b.served(last, &q, early); done {
		return found, err
	}
	if err != nil { // the result cannot be shared, and there is no other instance to wait for
		return b.exchange(ctx, name, &q, last)
	}
	release, err := b.Records.Lock(ctx, name)
	if err != nil {
		return stored{}, autherr.TryLater(autherr.ReasonLockWait, err)
	}
	defer release()
	last, _ = b.load(ctx, &q, name)
	if found, done, err := b.served(last, &q, early); done { // another instance has exchanged it in the meantime
		return found, err
	}
	return b.exchange(ctx, name, &q, last)
}

// exchange exchanges the assertion at Entra and stores the result, including a refusal. The last result
// may contain a token that is still usable.
func (b *OnBehalf) exchange(ctx context.Context, name string, q *Request, last outcome) (stored, error) {
	ctx, end := b.Telemetry.Span(ctx, "fibermsal on-behalf-of", trace.WithLinks(q.caller))
	began, user := time.Now(), &q.session.User
	t, err := b.Authority.OnBehalfOf(ctx, authority.Caller{Assertion: q.assertion, TenantID: user.TenantID, UserID: user.ID}, q.scopes)
	b.Telemetry.Exchanged(ctx, began, err)
	end(err)
	if err != nil {
		b.audit(ctx, q, err)
		b.store(ctx, name, q, last.failed(err))
		return stored{}, err
	}
	result := outcome{Token: t.Secret, ExpiresOn: t.ExpiresOn, RefreshOn: t.RefreshOn, At: began}
	b.store(ctx, name, q, result)
	return stored{token: result.token(q)}, nil
}

// audit records that there is no token, because Entra requires the user or because the call failed.
func (b *OnBehalf) audit(ctx context.Context, q *Request, err error) {
	level, event := slog.LevelWarn, telemetry.EventRefreshFailed
	if e, ok := autherr.Find(err); ok && autherr.NeedsSignIn(e) {
		level, event = slog.LevelInfo, telemetry.EventUserRequired
	}
	b.Telemetry.AuditFailure(ctx, level, event, q.session.Subject(), err)
}

// store stores a result for as long as it is useful. Storages round lifetimes up to whole seconds, so
// in the last second of the assertion a result is not stored, because it would outlive the assertion.
func (b *OnBehalf) store(ctx context.Context, name string, q *Request, o outcome) {
	life := o.life(q).Truncate(time.Second)
	if life <= 0 {
		return
	}
	if err := b.Records.Put(ctx, name, record.Tokens, o.encode(), life); err != nil {
		b.Log.LogAttrs(ctx, slog.LevelWarn, "the token on behalf of a caller is not stored", slog.Any("error", autherr.StorageUnavailable(err)))
	}
}

// load returns the result that an instance has stored, or an empty one. It returns an error if the
// storage failed.
func (b *OnBehalf) load(ctx context.Context, q *Request, name string) (outcome, error) {
	content, err := b.Records.Get(ctx, name, record.Tokens)
	switch {
	case err == nil:
		return decodeOutcome(content), nil
	case errors.Is(err, record.ErrNotFound):
		return outcome{}, nil
	case errors.Is(err, record.ErrUnknownKey): // of an instance with a newer configuration
		b.Log.LogAttrs(ctx, slog.LevelWarn, "a token on behalf of a caller is sealed with a key that is not in Config.Keys")
		return outcome{}, nil
	case errors.Is(err, record.ErrCorrupt):
		b.Telemetry.Audit(ctx, slog.LevelWarn, telemetry.EventSealMismatch, q.session.Subject(), slog.String("reason", "seal_mismatch"))
		return outcome{}, nil
	}
	err = autherr.StorageUnavailable(err)
	b.Log.LogAttrs(ctx, slog.LevelWarn, "tokens on behalf of callers cannot be read", slog.Any("error", err))
	return outcome{}, err
}

// served returns a stored token if it satisfies the request, or a stored failure that is still in
// effect.
func (b *OnBehalf) served(o outcome, q *Request, early bool) (found stored, done bool, err error) {
	now, t := time.Now(), o.token(q)
	if t.Usable(now) && t.Secret != q.rejected && (!early || now.Before(t.RenewAt())) {
		b.Telemetry.TokenFromStorage()
		return stored{token: t}, true, nil
	}
	if now.Before(o.Until) {
		return stored{retryAt: o.Until}, true, o.failure()
	}
	return stored{}, false, nil
}

// record returns the name of the record with the result for an assertion and scopes.
func (b *OnBehalf) record(q *Request) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{"on behalf of", b.Authority.Authority, q.session.ID, q.key}, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
