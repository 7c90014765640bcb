package graph_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

// Virtual time shows how long a caller waits, to the millisecond.
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
					ctx := c.UserContext()
					if tt.deadline > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, tt.deadline)
						defer cancel()
					}
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

func TestG18_ACallerWhoLeavesEndsTheCall(t *testing.T) {
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

func TestAnswers_AreLimitedInSize(t *testing.T) {
	t.Parallel()
	endless := func() io.Reader { return io.MultiReader(strings.NewReader(`{"displayName":"`), zeros{}) }
	for name, fault := range map[string]entratest.Fault{
		"endless object": {BodyFrom: endless, Header: http.Header{"Content-Type": {"application/json"}}},
		"endless error":  {Status: 400, BodyFrom: endless, Header: http.Header{"Content-Type": {"application/json"}}},
		"known length":   {Body: `{"displayName":"` + strings.Repeat("a", 8<<20) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			b := s.signIn(t, adele)
			s.entra.Fault(entratest.GraphMe, fault)
			if e := asError(t, b.failure(me)); !errors.Is(e, graph.ErrBadAnswer) || e.Reason != "too_large" {
				t.Errorf("got %v, reason %q", e, e.Reason)
			}
		})
	}
}

// A native response is read after the call is over, and may be.
func TestAdapter_LeavesRawAnswersOpen(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.signIn(t, adele).run(func(c *fiber.Ctx) error {
		var raw *http.Response
		info := meRequest()
		option := abstractions.NewRequestHandlerOption()
		option.SetResponseHandler(func(response any, _ abstractions.ErrorMappings) (any, error) {
			raw, _ = response.(*http.Response)
			return nil, nil
		})
		info.AddRequestOptions([]abstractions.RequestOption{option})
		if err := graph.Adapter(c).SendNoContent(c.UserContext(), info, odataMapping); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = raw.Body.Close() }()
		body, err := io.ReadAll(raw.Body)
		if err != nil || !strings.Contains(string(body), "Adele Vance") {
			t.Errorf("got %v %q", err, body)
		}
		return nil
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}
