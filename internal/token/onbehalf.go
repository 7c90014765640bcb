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

// OnBehalf exchanges the access tokens of clients, the assertions, for tokens of other services. The
// results are shared with the other instances in sealed records, which live no longer than the
// assertion. It is safe for concurrent use.
type OnBehalf struct {
	Options
	*source
}

// NewOnBehalf makes an OnBehalf that remembers tokens with the callers in a cache.
func NewOnBehalf(o Options, callers *session.Cache) *OnBehalf {
	b := &OnBehalf{Options: o}
	b.source = &source{
		memory: memory{callers}, telemetry: o.Telemetry, background: o.Background, turns: turn.NewQueue(), acquire: b.acquire,
	}
	return b
}

// Request returns the request for a token on behalf of a caller. Scopes are those of
// [Renewer.Request].
func (b *OnBehalf) Request(caller *session.Session, assertion string, requested []string) Request {
	q := requestFor(b.Authority.Scopes, caller, requested)
	q.assertion = assertion
	return q
}

// Token is that of [Renewer]. The token's end is at most that of the assertion.
func (b *OnBehalf) Token(ctx context.Context, q Request) (azcore.AccessToken, error) {
	if q.session.User.AppOnly {
		return azcore.AccessToken{}, autherr.Forbidden.New("app_token", errors.New("an app calls as itself, so there is no user for whom to call; use AppCredential"))
	}
	t, err := b.source.Token(ctx, q)
	return limited(t, &q), err
}

// Replace is that of [Renewer].
func (b *OnBehalf) Replace(ctx context.Context, q Request, rejected string) (azcore.AccessToken, error) {
	t, err := b.source.Replace(ctx, q, rejected)
	return limited(t, &q), err
}

// limited returns a token whose end is at most that of the assertion.
func limited(t azcore.AccessToken, q *Request) azcore.AccessToken {
	if end := q.session.User.ExpiresAt; t.ExpiresOn.After(end) {
		t.ExpiresOn, t.RefreshOn = end, time.Time{}
	}
	return t
}

// acquire returns the token in the storage, or exchanges the assertion, once among all instances. It
// also works without the storage, then once in each instance.
func (b *OnBehalf) acquire(ctx context.Context, q Request, early bool) (stored, error) {
	name := b.record(&q)
	if found, done, err := b.stored(ctx, name, &q, early); done {
		return found, err
	}
	release, err := b.Records.Lock(ctx, name)
	if err != nil && ctx.Err() != nil {
		return stored{}, autherr.TryLater(autherr.ReasonLockWait, err)
	}
	if err == nil {
		defer release()
		if found, done, err := b.stored(ctx, name, &q, early); done { // exchanged by another instance meanwhile
			return found, err
		}
	}
	return b.exchange(ctx, name, &q)
}

// exchange exchanges the assertion at Entra and stores the result, also a refusal.
func (b *OnBehalf) exchange(ctx context.Context, name string, q *Request) (stored, error) {
	ctx, end := b.Telemetry.Span(ctx, "fibermsal on-behalf-of", trace.WithLinks(q.caller))
	began, user := time.Now(), &q.session.User
	t, err := b.Authority.OnBehalfOf(ctx, authority.Caller{Assertion: q.assertion, TenantID: user.TenantID, UserID: user.ID}, q.scopes)
	b.Telemetry.Exchanged(ctx, began, err)
	end(err)
	result := outcome{Token: t.Secret, ExpiresOn: t.ExpiresOn, RefreshOn: t.RefreshOn, At: began}
	if err != nil {
		b.Telemetry.AuditFailure(ctx, slog.LevelInfo, telemetry.EventUserRequired, q.session.Subject(), err)
		result = failed(err)
	}
	if life := result.life(q); life > 0 {
		if err := b.Records.Put(ctx, name, record.Tokens, result.encode(), life); err != nil {
			b.Log.LogAttrs(ctx, slog.LevelWarn, "the token on behalf of a caller is not stored", slog.Any("error", autherr.StorageUnavailable(err)))
		}
	}
	return stored{token: result.token(q)}, err
}

// stored returns what an instance has stored, if that answers the request.
func (b *OnBehalf) stored(ctx context.Context, name string, q *Request, early bool) (found stored, done bool, err error) {
	content, err := b.Records.Get(ctx, name, record.Tokens)
	if err != nil {
		if !errors.Is(err, record.ErrNotFound) {
			b.Log.LogAttrs(ctx, slog.LevelWarn, "tokens on behalf of callers cannot be read", slog.Any("error", autherr.StorageUnavailable(err)))
		}
		return found, false, nil
	}
	result, now := decodeOutcome(content), time.Now()
	if err := result.failure(); err != nil && now.Before(result.Until) {
		return found, true, err
	}
	found.token = result.token(q)
	done = found.token.Usable(now) && found.token.Secret != q.rejected && (!early || now.Before(found.token.RenewAt()))
	if done {
		b.Telemetry.TokenFromStorage()
	}
	return found, done, nil
}

// record names the record of the result for an assertion and scopes.
func (b *OnBehalf) record(q *Request) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{"on behalf of", b.Authority.Authority, q.session.ID, q.key}, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
