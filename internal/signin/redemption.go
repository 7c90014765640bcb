package signin

import (
	"context"
	"errors"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/session"
)

// stateUsedFor is how long an attempt is recorded as used, which is as long as its state opens.
const stateUsedFor = flow.Lifetime + 2*time.Minute

// redemption is the exchange of one authorization response for tokens. Each response is redeemed only
// once (threat A3): in this process because the first redemption claims the attempt before it sends the
// code, and among all instances because Entra accepts a code only once. The attempt is recorded in the
// storage only after Entra has accepted the code, because anyone can begin an attempt and make up a
// code (G26).
type redemption struct {
	flow     *Flow
	attempt  *flow.Attempt
	claimant string
	sent     int // calls that count as failures so far
}

func (f *Flow) newRedemption(attempt *flow.Attempt) (*redemption, error) {
	claimant, err := session.NewToken()
	return &redemption{flow: f, attempt: attempt, claimant: claimant}, err
}

// beforeSending is called immediately before the code is sent, and again for each client credential, so
// that a response whose code was never sent can still be redeemed.
func (r *redemption) beforeSending() error {
	if !r.flow.failures.take(time.Now()) {
		e := autherr.TryLater("codes_refused", errors.New("too many codes in a row were refused by Entra"))
		e.RetryAfter = time.Second
		return e
	}
	r.sent++
	first, err := r.flow.sent.Claim(context.Background(), r.attempt.ID(), r.claimant, stateUsedFor)
	if err == nil && !first {
		r.giveBack() // nothing is sent
		err = errReplayed()
	}
	return err
}

// settle returns the allowance of the calls if Entra has accepted the code, or has refused it for a
// reason that another sign-in fixes, because the user is then genuine.
func (r *redemption) settle(err error) {
	if e, failed := autherr.Find(err); !failed || autherr.Requirements(e) != nil {
		r.giveBack()
	}
}

func (r *redemption) giveBack() {
	r.flow.failures.giveBack(r.sent)
	r.sent = 0
}

// complete claims the attempt among all instances, so that other instances do not depend on Entra to
// refuse the used code.
func (r *redemption) complete(ctx context.Context, records *record.Store) error {
	first, err := records.Claim(ctx, r.attempt.ID(), r.claimant, stateUsedFor)
	switch {
	case err != nil:
		return autherr.StorageUnavailable(err)
	case !first:
		return errReplayed()
	}
	return nil
}

func errReplayed() error { return autherr.Rejected.New(autherr.ReasonReplayed, nil) }
