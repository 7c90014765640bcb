package fibermsal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"go.opentelemetry.io/otel/trace"

	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/tokencache"
)

const (
	// minTokenLife is what a token must have left to be handed out: a call to Graph
	// takes its time, and clocks differ.
	minTokenLife = 30 * time.Second
	// renewEarly is how long before its end a token is renewed in the background,
	// or a quarter of its life if that is less.
	renewEarly = 10 * time.Minute
	// renewalTimeout bounds one renewal: waiting for another instance's, asking
	// Entra, storing.
	renewalTimeout = 2*entraTimeout + time.Second
	// renewalPatience is how long a caller waits for one, who may have come when it
	// was about to end.
	renewalPatience = renewalTimeout + time.Second
	// refusedFor and brokenFor are how long Entra's refusal is remembered: of the
	// user's refresh token, which only a new session has another of, and of the
	// app, which an administrator mends.
	refusedFor = 10 * time.Minute
	brokenFor  = 30 * time.Second
)

// renewal is a token that a user's session is asked for. It is passed by value until it
// leaves the request: most find the token remembered, and allocate nothing.
type renewal struct {
	who    *session
	tokens tokenCache
	scopes []string
	key    string // of the scopes, whatever their order
	// refused is a token that an API does not accept although it is good.
	refused string
	caller  trace.Link // the request that asked first
}

// newRenewal copies what may alias a request's buffer (trap T10): a renewal outlives
// its request. The scopes of Config do not, and are most often asked for.
func (a *Auth) newRenewal(who *session, tokens tokenCache, scopes []string) renewal {
	if len(scopes) == len(a.cfg.Scopes) && &scopes[0] == &a.cfg.Scopes[0] {
		return renewal{who: who, tokens: tokens, scopes: scopes, key: a.scopesKey}
	}
	owned := make([]string, len(scopes))
	for i, s := range scopes {
		owned[i] = strings.Clone(s)
	}
	return renewal{who: who, tokens: tokens, scopes: owned, key: scopesKey(owned)}
}

// token returns an access token: the remembered one while it is good, renewed in the
// background when its end is near, and only without one at the caller's expense. A
// refusal is remembered, too, so that a storm of requests makes one call.
func (a *Auth) token(ctx context.Context, r renewal) (azcore.AccessToken, error) {
	now := time.Now()
	known := a.sessions.token(r.who.recordName, r.key)
	if known.good(now) && known.token.Token != r.refused {
		if known.due(now) {
			r.caller = trace.LinkFromContext(ctx)
			a.renew(r, true) //nolint:contextcheck // nobody waits for it
		}
		a.telemetry.fromMemory.Add(1)
		return known.token, nil
	}
	err := known.pausing(now)
	if err == nil {
		r.caller = trace.LinkFromContext(ctx)
		var token azcore.AccessToken
		token, err = awaited[azcore.AccessToken](ctx, renewalPatience, a.renew(r, false)) //nolint:contextcheck // a caller's end is its own
		if err == nil {
			return token, nil
		}
	}
	if errors.Is(err, ErrUnavailable) && time.Now().Before(known.token.ExpiresOn) && known.token.Token != r.refused {
		return known.token, nil // its last seconds are better than nothing
	}
	return azcore.AccessToken{}, err
}

// replaceEvery is how often a good token is replaced because an API does not accept it.
const replaceEvery = time.Minute

// replaced returns a token in the place of one that an API does not accept although it
// is good. If the API has just refused another one, that is no way out.
func (a *Auth) replaced(ctx context.Context, r renewal, refused string) (azcore.AccessToken, error) {
	again := false
	a.sessions.update(r.who.recordName, r.key, func(known *rememberedToken) {
		if time.Since(known.replacedAt) < replaceEvery {
			again = known.replaced != refused // the one that came in its place is refused, too
			return
		}
		known.replacedAt, known.replaced = time.Now(), refused
	})
	if again {
		return azcore.AccessToken{}, ErrLoginRequired.because("token_refused", nil)
	}
	r.refused = refused
	return a.token(ctx, r)
}

// good reports whether there is a token fit to be handed out.
func (t *rememberedToken) good(now time.Time) bool {
	return t.token.ExpiresOn.Sub(now) > minTokenLife
}

// due reports whether to renew a token that is still good.
func (t *rememberedToken) due(now time.Time) bool {
	return !now.Before(t.renewAt) && !now.Before(t.refusedTo)
}

// pausing returns the failure that keeps everybody from asking again for a while. A
// refusal that concerns one refresh token is not among them: another instance may
// have stored a new one, which only the record tells.
func (t *rememberedToken) pausing(now time.Time) error {
	if now.Before(t.refusedTo) && t.refusedOf == nil {
		return t.refused
	}
	return nil
}

// renew begins a renewal, or joins the one that is under way: for a session and
// scopes there is one in this process, which no caller's end stops. A forced one
// renews a token that is still good.
func (a *Auth) renew(r renewal, force bool) <-chan flight.Result {
	key := fmt.Sprintf("%s\x00%s\x00%t%t", r.who.recordName, r.key, force, r.refused != "")
	return a.renewals.Begin(key, func() (any, error) { return a.renewDetached(&r, force) })
}

// awaited is the result of what others may wait for, too, unless the caller's patience
// or context ends before.
func awaited[T any](ctx context.Context, patience time.Duration, work <-chan flight.Result) (result T, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case r := <-work:
		result, _ = r.Val.(T)
		return result, r.Err
	case <-ctx.Done():
		return result, entraUnavailable("gave_up", context.Cause(ctx))
	}
}

// renewDetached runs in a goroutine of its own. It takes nothing of a caller's
// context, not even values: a handler may have passed Fiber's own, which is recycled
// after the request (trap T13).
func (a *Auth) renewDetached(r *renewal, force bool) (azcore.AccessToken, error) {
	if !a.calls.begin() {
		return azcore.AccessToken{}, entraUnavailable("closed", nil)
	}
	defer a.calls.done()
	// The last flight may have landed between a caller's look and this one, with a token
	// or with a refusal.
	now, known := time.Now(), a.sessions.token(r.who.recordName, r.key)
	if err := known.pausing(now); err != nil {
		return azcore.AccessToken{}, err
	}
	if known.good(now) && known.token.Token != r.refused && (!force || !known.due(now)) {
		return known.token, nil
	}
	work, done, err := takeTurn(context.Background(), a.renewTurns) // before the time of the renewal begins
	if err != nil {
		return azcore.AccessToken{}, err
	}
	defer done()
	if a.work.Err() != nil { // closed while this waited, and the app may have closed the storage
		return azcore.AccessToken{}, entraUnavailable("closed", nil)
	}
	ctx, cancel := context.WithTimeout(work, renewalTimeout)
	defer cancel()
	t, version, err := a.attempt(ctx, r, force)
	a.note(r, t, version, err)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	return accessToken(t), nil
}

// attempt keeps a panic of the app's Credential or Storage from ending the process:
// here it would pass every recover.
func (a *Auth) attempt(ctx context.Context, r *renewal, force bool) (t tokencache.Token, version []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			t, err = tokencache.Token{}, ErrMisconfigured.because("panic", fmt.Errorf("panic: %v", p))
		}
	}()
	t, version, err = a.acquire(ctx, r, force)
	if err != nil && !errors.As(err, new(*Error)) {
		err = ErrMisconfigured.because("renewal", err)
	}
	return t, version, err
}

// note remembers how a renewal ended. A failure leaves a token that is still good.
func (a *Auth) note(r *renewal, t tokencache.Token, version []byte, err error) {
	var refused *Error
	errors.As(err, &refused)
	a.sessions.update(r.who.recordName, r.key, func(known *rememberedToken) {
		switch {
		case err == nil:
			*known = rememberedToken{token: accessToken(t), renewAt: renewAt(t), replacedAt: known.replacedAt, replaced: known.replaced}
		case refused != known.refused:
			known.refused, known.refusedTo, known.refusedOf = refused, time.Now().Add(pauseAfter(refused)), nil
			if refused.interactive() {
				known.refusedOf = version
			}
		}
	})
}

// pauseAfter is how long nobody asks again after a failure.
func pauseAfter(e *Error) time.Duration {
	switch {
	case e.Reason == reasonStorage, e.Reason == reasonEntraPaused, e.Reason == reasonLockWait, e.Reason == reasonLost:
		return 0 // the breakers know when it is over; another connection need not be waited for
	case errors.Is(e, ErrUnavailable):
		return e.RetryAfter
	case e.interactive():
		return refusedFor
	}
	return brokenFor
}

func accessToken(t tokencache.Token) azcore.AccessToken {
	return azcore.AccessToken{Token: t.Secret, ExpiresOn: t.ExpiresOn, RefreshOn: t.RefreshOn}
}

// renewAt is when to renew a token: when Entra says, or before its end.
func renewAt(t tokencache.Token) time.Time {
	if !t.RefreshOn.IsZero() {
		return t.RefreshOn
	}
	return t.ExpiresOn.Add(-min(renewEarly, t.ExpiresOn.Sub(t.CachedAt)/4))
}

// reasonLockWait is a renewal that had no turn in time.
const reasonLockWait = "lock_wait"

// acquire returns the token in the session's record while that is good, or, if
// forced, young, and has it renewed otherwise, once among all instances. The version
// is that of the record it found.
func (a *Auth) acquire(ctx context.Context, r *renewal, force bool) (t tokencache.Token, version []byte, err error) {
	stored, err := a.stored(ctx, r)
	if err != nil || stored.serves(r, force) {
		a.telemetry.fromStorage.Add(one(err))
		return stored.token, stored.version, err
	}
	known := a.sessions.token(r.who.recordName, r.key)
	if time.Now().Before(known.refusedTo) && bytes.Equal(known.refusedOf, stored.version) {
		return tokencache.Token{}, stored.version, known.refused
	}
	began := time.Now()
	release, err := a.records.Lock(ctx, r.who.recordName)
	measured(ctx, a.telemetry.lockWaits, began, outcomeAttributes(err))
	if err != nil {
		return tokencache.Token{}, stored.version, entraUnavailable(reasonLockWait, err)
	}
	defer release()
	if stored, err = a.stored(ctx, r); err != nil || stored.serves(r, force) { // another's renewal, meanwhile
		a.telemetry.fromStorage.Add(one(err))
		return stored.token, stored.version, err
	}
	if p := a.pending.get(r.who.recordName); p != nil && p.answer != nil { // its refresh token is spent
		return tokencache.Token{}, stored.version, entraUnavailable(reasonKeys, nil)
	}
	t, err = a.refreshTraced(ctx, r, stored)
	if errors.Is(err, ErrLoginRequired) {
		// If this process lost the lock, somebody else may have used the refresh token.
		if again, readErr := a.stored(ctx, r); readErr == nil && again.serves(r, force) {
			return again.token, again.version, nil
		}
	}
	return t, stored.version, err
}

// storedTokens is the state of a session's record.
type storedTokens struct {
	version []byte
	cache   *tokencache.Cache
	token   tokencache.Token
}

func (a *Auth) stored(ctx context.Context, r *renewal) (storedTokens, error) {
	content, version, err := r.tokens.load(ctx)
	if err != nil {
		return storedTokens{}, err
	}
	cache, err := tokencache.Parse(content)
	if err != nil {
		return storedTokens{}, ErrLoginRequired.because("tokens_unreadable", nil)
	}
	s := storedTokens{version: version, cache: cache}
	s.token, _ = cache.Find(a.owner(r.who), r.scopes)
	return s, nil
}

// owner is whose tokens MSAL files for a session.
func (a *Auth) owner(who *session) tokencache.Owner {
	host, tenant, _ := strings.Cut(strings.TrimPrefix(a.cfg.authority, "https://"), "/")
	return tokencache.Owner{Account: who.Account, ClientID: a.cfg.ClientID, Environment: host, Realm: tenant}
}

// serves reports whether the token need not be renewed.
func (s storedTokens) serves(r *renewal, force bool) bool {
	now := time.Now()
	if r.refused != "" && s.token.Secret == r.refused {
		return false
	}
	if force && !now.Before(renewAt(s.token)) {
		return false
	}
	return s.token.ExpiresOn.Sub(now) > minTokenLife
}

// refreshTraced is refresh, seen from outside.
func (a *Auth) refreshTraced(ctx context.Context, r *renewal, from storedTokens) (t tokencache.Token, err error) {
	ctx, span := a.telemetry.tracer.Start(ctx, "fibermsal refresh", trace.WithLinks(r.caller))
	began := time.Now()
	t, err = a.refresh(ctx, r, from)
	measured(ctx, a.telemetry.refreshes, began, outcomeAttributes(err))
	a.telemetry.fromEntra.Add(one(err))
	endSpan(span, err)
	if err != nil {
		code, reason := outcome(err)
		a.audit(ctx, slog.LevelWarn, auditRefreshFailed, r.who, slog.String("code", code), slog.String("reason", reason))
	}
	return t, err
}

// one is for counting what succeeded.
func one(err error) int64 {
	if err != nil {
		return 0
	}
	return 1
}

// refresh has MSAL use the refresh token, by leaving the access token out. What comes
// is verified before it is stored, and stored only over what it was made from.
func (a *Auth) refresh(ctx context.Context, r *renewal, from storedTokens) (tokencache.Token, error) {
	if err := a.verifiable(ctx); err != nil {
		return tokencache.Token{}, err
	}
	from.cache.Drop(a.owner(r.who), r.scopes, time.Now())
	content, err := from.cache.Bytes()
	if err != nil {
		return tokencache.Token{}, err
	}
	staged := &stagedTokens{content: content}
	asking, cancel := withinEntraTimeout(ctx)
	defer cancel()
	var got confidential.AuthResult
	x, err := a.asApp(asking, staged, func(client confidential.Client, _ *exchange) (err error) {
		got, err = client.AcquireTokenSilent(asking, r.scopes,
			confidential.WithSilentAccount(confidential.Account{HomeAccountID: r.who.Account}))
		return err
	})
	if x == nil {
		return tokencache.Token{}, err
	}
	if err != nil {
		return tokencache.Token{}, x.failure(r.scopes, from.cache.HasRefreshToken(a.owner(r.who)))
	}
	switch err := a.sameUser(ctx, r.who, x); {
	case errors.Is(err, ErrUnavailable): // keys that are newer than those at hand
		a.keep(ctx, r, from.version, staged.snapshot(), x)
		return tokencache.Token{}, err
	case err != nil:
		return tokencache.Token{}, a.endMismatched(ctx, r.who, err)
	}
	a.store(ctx, r, from.version, staged.snapshot())
	return tokencache.Token{Secret: got.AccessToken, ExpiresOn: got.ExpiresOn, RefreshOn: got.Metadata.RefreshOn, CachedAt: time.Now()}, nil
}

// verifiable makes sure that what a refresh brings can be verified, before a refresh token
// is spent on it.
func (a *Auth) verifiable(ctx context.Context) error {
	if _, err := a.metadata(ctx); err != nil {
		return err
	}
	if err := a.keys.Ready(ctx); err != nil {
		return refusedToken(err)
	}
	return nil
}

// store writes renewed tokens. If the storage fails, the token is good all the same,
// and what was renewed is stored when the storage is back.
func (a *Auth) store(ctx context.Context, r *renewal, version, content []byte) {
	if err := r.tokens.swap(ctx, version, content); err != nil {
		a.log.LogAttrs(ctx, slog.LevelWarn, "renewed tokens not stored yet", slog.Any("error", err))
		a.keep(ctx, r, version, content, nil)
	}
}

// endMismatched ends a session whose refresh did not bring tokens of the same user
// (OpenID Connect Core section 12.2; threat B8).
func (a *Auth) endMismatched(ctx context.Context, who *session, mismatch error) error {
	a.log.LogAttrs(ctx, slog.LevelError, "session ended: a refresh returned another user's tokens", slog.Any("error", mismatch))
	if err := a.end(ctx, who.recordName); err != nil {
		return err
	}
	return ErrLoginRequired.because("refresh_mismatch", nil)
}

// sameUser verifies whose tokens a refresh brought. The id_token counts as of when it came:
// it may have had to wait for the keys.
func (a *Auth) sameUser(ctx context.Context, who *session, x *exchange) error {
	if account, ok := x.account(); !ok || account.String() != who.Account {
		return ErrRejected.because("client_info", nil)
	}
	if x.answer.IDToken == "" {
		return nil
	}
	m, err := a.metadata(ctx)
	if err != nil {
		return err
	}
	claims, err := a.verifier(m).VerifyRefreshed(ctx, x.answer.IDToken, x.answeredAt)
	if err != nil {
		return refusedToken(err)
	}
	if claims.TenantID != who.User.TenantID || claims.ObjectID != who.User.ID || claims.Subject != who.User.Subject {
		return ErrRejected.because("identity", nil)
	}
	return nil
}
