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

// stateUsedFor is how long an attempt is remembered as used: as long as its state opens.
const stateUsedFor = flow.Lifetime + 2*time.Minute

// redemption is the exchange of one authorization response for tokens. Each response is redeemed
// once (threat A3): in this process because the first redemption claims the attempt before the code
// is sent, and among all instances because Entra accepts a code once. The storage learns of it only
// after Entra has accepted the code, because anybody can begin an attempt and make up a code (G26).
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

// beforeSending is called right before the code is sent, and again for each client credential, so a
// response whose code was never sent can still be redeemed.
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

// settle gives back what the calls have taken from the allowance for failures, if Entra has accepted
// the code, or has refused it for a reason that another sign-in fixes: then the user is genuine.
func (r *redemption) settle(err error) {
	if e, failed := autherr.Find(err); !failed || autherr.Requirements(e) != nil {
		r.giveBack()
	}
}

func (r *redemption) giveBack() {
	r.flow.failures.giveBack(r.sent)
	r.sent = 0
}

// complete claims the attempt among all instances. Entra refuses a code that was used, but an
// instance that learned of it need not rely on that.
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
