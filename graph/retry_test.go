package graph_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

// Virtual time shows to the millisecond how long a caller waits.
func TestG18_WaitingForABusyGraphIsBounded(t *testing.T) {
	t.Parallel()
	type faults []entratest.Fault
	after := func(status int, value string, times int) entratest.Fault {
		return entratest.Fault{Times: times, Status: status, Header: http.Header{"Retry-After": {value}}, Body: `{"error":{"code":"TooManyRequests","message":"slow down"}}`}
	}
	for name, tt := range map[string]struct {
		faults     faults
		post       bool
		deadline   time.Duration
		calls      int
		atMost     time.Duration
		atLeast    time.Duration
		status     int // 0: success
		retryAfter time.Duration
	}{
		"recovers after one second":        {faults: faults{after(429, "1", 1)}, calls: 2, atLeast: time.Second, atMost: 1100 * time.Millisecond},
		"recovers without Retry-After":     {faults: faults{{Times: 2, Status: 503}}, calls: 3, atLeast: 800 * time.Millisecond, atMost: 1500 * time.Millisecond},
		"immediate repetition is slowed":   {faults: faults{after(429, "0", 2)}, calls: 3, atLeast: 800 * time.Millisecond, atMost: 1500 * time.Millisecond},
		"gives up after three tries":       {faults: faults{after(503, "1", 0)}, calls: 3, atMost: 3 * time.Second, status: 503, retryAfter: time.Second},
		"a long wait ends at once":         {faults: faults{after(429, "120", 0)}, calls: 1, status: 429, retryAfter: 2 * time.Minute},
		"an endless wait is cut":           {faults: faults{after(429, "999999999999", 0)}, calls: 1, status: 429, retryAfter: 24 * time.Hour},
		"a date":                           {faults: faults{after(503, "Sat, 01 Jan 2000 00:10:00 GMT", 0)}, calls: 1, status: 503, retryAfter: 10 * time.Minute},
		"nonsense":                         {faults: faults{after(504, "soon", 0)}, calls: 3, atMost: 3 * time.Second, status: 504, retryAfter: 5 * time.Second},
		"a wait below zero":                {faults: faults{after(503, "-10000000000", 0)}, calls: 3, atMost: 3 * time.Second, status: 503, retryAfter: 5 * time.Second},
		"the least number":                 {faults: faults{after(503, "-9223372036854775807", 0)}, calls: 3, atMost: 3 * time.Second, status: 503, retryAfter: 5 * time.Second},
		"beyond all numbers":               {faults: faults{after(429, "99999999999999999999", 0)}, calls: 1, status: 429, retryAfter: 24 * time.Hour},
		"a date that is over":              {faults: faults{after(503, "Fri, 31 Dec 1999 23:59:59 GMT", 0)}, calls: 3, atMost: 3 * time.Second, status: 503, retryAfter: 5 * time.Second},
		"no number":                        {faults: faults{after(503, "NaN", 0)}, calls: 3, atMost: 3 * time.Second, status: 503, retryAfter: 5 * time.Second},
		"both waits must fit":              {faults: faults{after(429, "2", 0)}, calls: 2, atLeast: 2 * time.Second, atMost: 2 * time.Second, status: 429, retryAfter: 2 * time.Second},
		"a write is not repeated":          {faults: faults{after(503, "1", 0)}, post: true, calls: 1, status: 503, retryAfter: time.Second},
		"no wait beyond the deadline":      {faults: faults{after(503, "1", 0)}, deadline: 500 * time.Millisecond, calls: 1, status: 503, retryAfter: time.Second},
		"other failures are not repeated":  {faults: faults{{Status: 500}}, calls: 1, status: 500},
		"nor are refusals":                 {faults: faults{{Status: 400}}, calls: 1, status: 400},
		"a slow answer ends in 15 seconds": {faults: faults{{Delay: time.Hour}}, calls: 1, atLeast: 15 * time.Second, atMost: 15 * time.Second, status: 503, retryAfter: 5 * time.Second},
		"or at the deadline":               {faults: faults{{Delay: time.Hour}}, deadline: time.Minute, calls: 1, atLeast: time.Minute, atMost: time.Minute, status: 503, retryAfter: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, nil)
				b := s.signIn(t, adele)
				for _, f := range tt.faults {
					s.entra.Fault(entratest.GraphMe, f)
				}
				var took time.Duration
				err := b.failure(func(c *fiber.Ctx) error {
					ctx, cancel := within(c.UserContext(), tt.deadline)
					defer cancel()
					start := time.Now()
					defer func() { took = time.Since(start) }()
					if tt.post {
						_, err := graph.Me(c).Patch(ctx, models.NewUser(), nil)
						return err
					}
					_, err := graph.Me(c).Get(ctx, nil)
					return err
				})
				if n := s.entra.Count(entratest.GraphMe); n != tt.calls {
					t.Errorf("%d requests, want %d", n, tt.calls)
				}
				if took < tt.atLeast || took > tt.atMost {
					t.Errorf("took %v, want %v to %v", took, tt.atLeast, tt.atMost)
				}
				if tt.status == 0 {
					if err != nil {
						t.Errorf("got %v", err)
					}
					return
				}
				e := asError(t, err)
				if e.Status != tt.status || e.RetryAfter != tt.retryAfter {
					t.Errorf("got status %d, retry after %v", e.Status, e.RetryAfter)
				}
				if wantUnavailable := tt.status != 500 && tt.status != 400; errors.Is(e, fibermsal.ErrUnavailable) != wantUnavailable {
					t.Errorf("got %v", e)
				}
			})
		})
	}
}

func TestG18_CancellingTheContextEndsTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		b := s.signIn(t, adele)
		s.entra.Fault(entratest.GraphMe, entratest.Fault{Status: 503, Header: http.Header{"Retry-After": {"2"}}})
		err := b.failure(func(c *fiber.Ctx) error {
			ctx, cancel := context.WithCancel(c.UserContext())
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			_, err := graph.Me(c).Get(ctx, nil)
			if took := time.Since(start); took != time.Second {
				t.Errorf("took %v", took)
			}
			return err
		})
		if !errors.Is(err, context.Canceled) || !errors.Is(err, fibermsal.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
}

func TestG18_ATokenThatGraphRefusesIsReplacedOnce(t *testing.T) {
	t.Parallel()
	refusal := entratest.Fault{Status: 401, Body: `{"error":{"code":"InvalidAuthenticationToken","message":"Access token has expired or is not yet valid."}}`}
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	s.entra.ResetRequests()
	oneTime := refusal
	oneTime.Times = 1
	s.entra.Fault(entratest.GraphMe, oneTime)
	if err := b.failure(me); err != nil || s.entra.Count(entratest.Token) != 1 || s.entra.Count(entratest.GraphMe) != 2 {
		t.Errorf("%v, %d token calls, %d of Graph", err, s.entra.Count(entratest.Token), s.entra.Count(entratest.GraphMe))
	}
	tokens := map[string]bool{}
	for _, r := range s.entra.Requests(entratest.GraphMe) {
		tokens[r.Header.Get("Authorization")] = true
	}
	if len(tokens) != 2 {
		t.Errorf("%d different tokens", len(tokens))
	}
	s.entra.ResetRequests()
	s.entra.Fault(entratest.GraphMe, refusal)
	for range 20 {
		if err := b.failure(me); !errors.Is(err, fibermsal.ErrLoginRequired) {
			t.Errorf("%v", err)
		}
	}
	if n := s.entra.Count(entratest.Token); n > 1 {
		t.Errorf("%d token calls", n)
	}
}
