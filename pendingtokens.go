package fibermsal

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fibermsal/fibermsal/internal/tokencache"
)

const (
	// maxPendingTokens bounds how many sessions' tokens wait; they are about 15 kB each.
	maxPendingTokens = 2_000
	// settleFirst and settleEvery are how long after a failure it is tried again to verify
	// and store them: at first, and then.
	settleFirst = time.Second
	settleEvery = 5 * time.Second
)

// pendingTokens are what renewals brought and what could not be stored yet, because the
// storage fails, or not even be verified, because the authority's keys cannot be had.
// The refresh token that was given for them may be spent: Entra lets the old one live on,
// others do not. So they are kept until the session ends, and whoever asks for the
// session's tokens here starts from them (threat G14), but from those that are verified
// only (B8). It is safe for concurrent use.
type pendingTokens struct {
	count     atomic.Int32 // spares renewals the lock
	mu        sync.Mutex
	bySession map[string]*pending // by the name of its records
	settler   bool                // is at work
}

// pending is one renewal's tokens. It is immutable.
type pending struct {
	tokens  *recordedTokens
	version []byte    // they were made from
	content []byte    // to be stored
	answer  *exchange // to be verified first, or nil
}

func (p *pendingTokens) get(name string) *pending {
	if p.count.Load() == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bySession[name]
}

// add reports whether the tokens will be kept, and whether the caller has to begin the
// work.
func (p *pendingTokens) add(one *pending) (added, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := one.tokens.session.recordName
	if p.bySession[name] == nil && len(p.bySession) >= maxPendingTokens {
		return false, false
	}
	if p.bySession == nil {
		p.bySession = make(map[string]*pending)
	}
	p.bySession[name] = one
	p.count.Store(int32(len(p.bySession))) //nolint:gosec // bounded
	first, p.settler = !p.settler, true
	return true, first
}

func (p *pendingTokens) remove(name string) {
	if p.count.Load() == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(name)
}

// forget is remove. The lock is held.
func (p *pendingTokens) forget(name string) {
	delete(p.bySession, name)
	p.count.Store(int32(len(p.bySession))) //nolint:gosec // bounded
}

// waiting lists the sessions whose tokens wait. With none left the work is over.
func (p *pendingTokens) waiting() (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name := range p.bySession {
		names = append(names, name)
	}
	p.settler = len(names) > 0
	return names
}

// over returns what waits to be stored over a version, if it is verified.
func (p *pendingTokens) over(name string, version []byte) *pending {
	if one := p.get(name); one != nil && one.answer == nil && bytes.Equal(one.version, version) {
		return one
	}
	return nil
}

// stored forgets what was stored with what somebody else wrote, unless other waits by now.
func (p *pendingTokens) stored(name string, one *pending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bySession[name] == one {
		p.forget(name)
	}
}

// beneath adds what waits to content that is to be stored instead, which may not have been
// made from it.
func (p *pending) beneath(content []byte) ([]byte, error) {
	if p == nil || bytes.Equal(p.content, content) {
		return content, nil
	}
	return tokencache.Merged(content, p.content)
}

// onto adds to what waits what others have stored since.
func (p *pending) onto(version, stored []byte) (*pending, error) {
	if bytes.Equal(version, p.version) {
		return p, nil
	}
	merged, err := tokencache.Merged(p.content, stored)
	if err != nil {
		return nil, err
	}
	return &pending{tokens: p.tokens, version: version, content: merged}, nil
}

// startFrom returns what a session's tokens are, given its record. What waits is newer.
func (p *pendingTokens) startFrom(name string, version, stored []byte) ([]byte, error) {
	if p.count.Load() == 0 {
		return stored, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.bySession[name]
	if one == nil || one.answer != nil {
		return stored, nil
	}
	one, err := one.onto(version, stored)
	if err != nil {
		return nil, err
	}
	p.bySession[name] = one
	return one.content, nil
}

// keep has tokens verified and stored later. Those that are not of a session yet are
// nobody's to keep: the sign-in fails.
func (a *Auth) keep(ctx context.Context, r *renewal, version, content []byte, unverified *exchange) {
	tokens, recorded := r.tokens.(*recordedTokens)
	if !recorded || version == nil {
		return
	}
	added, first := a.pending.add(&pending{tokens, version, content, unverified})
	switch {
	case !added:
		a.log.LogAttrs(ctx, slog.LevelError, "renewed tokens are lost: too many wait to be stored already")
	case first:
		a.background("storing renewed tokens", a.settle) //nolint:contextcheck // it outlives the renewal
	}
}

// settle verifies and stores what waits, until nothing does or the Auth is closed.
func (a *Auth) settle() {
	last := false
	for pause := settleFirst; ; pause = min(2*pause, settleEvery) {
		names := a.pending.waiting()
		if len(names) == 0 {
			return
		}
		if last {
			a.log.LogAttrs(context.Background(), slog.LevelError,
				"closed while renewed tokens were not stored: the old refresh tokens are used again", slog.Int("sessions", len(names)))
			return
		}
		select {
		case <-time.After(pause):
		case <-a.closed:
			last = true
		}
		a.survive("storing renewed tokens", func() { a.settleAll(names) })
	}
}

// settleAll stops at the first failure of the storage, and ends before Close does. While
// keys are out of reach, what needs none is stored all the same.
func (a *Auth) settleAll(names []string) {
	keysGone, locked := false, 0
	for _, name := range names {
		if a.work.Err() != nil || locked == maxLocked {
			return
		}
		if p := a.pending.get(name); p == nil || p.answer != nil && keysGone {
			continue
		}
		switch err := a.settleOne(name); {
		case errors.Is(err, errLocked):
			locked++
			continue
		case errors.Is(err, errUnverified):
			keysGone = true
		case err != nil:
			return
		}
		locked = 0
	}
}

// errUnverified says that tokens still cannot be verified.
var errUnverified = errors.New("fibermsal: renewed tokens cannot be verified yet")

// errLocked says that a session's lock could not be had in time: a renewal is under way,
// or the storage stalls.
var errLocked = errors.New("fibermsal: a session is locked")

// maxLocked is how many sessions in a row must be locked to mean that the storage stalls:
// each costs as long as one may wait for a lock.
const maxLocked = 3

// settleOne takes turns with the session's renewals, or it would store what one of them
// has just replaced.
func (a *Auth) settleOne(name string) error {
	ctx, cancel := context.WithTimeout(a.work, settleFirst)
	defer cancel()
	release, err := a.records.Lock(ctx, name)
	if err != nil {
		return errLocked
	}
	defer release()
	p := a.pending.get(name)
	if p == nil {
		return nil
	}
	if p.answer != nil {
		switch err := a.sameUser(ctx, p.tokens.session, p.answer); {
		case errors.Is(err, ErrUnavailable):
			return errUnverified
		case err != nil:
			a.pending.remove(name)
			return a.endMismatched(ctx, p.tokens.session, err)
		}
		p = &pending{tokens: p.tokens, version: p.version, content: p.content}
		a.pending.add(p)
	}
	if err := p.tokens.swap(ctx, p.version, p.content); err != nil {
		return err
	}
	a.pending.remove(name)
	return nil
}
