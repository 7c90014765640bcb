package idtoken_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/internal/idtoken"
)

func TestKeySet_AsksAgainAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t)
		v, raw := a.verifier(), a.sign(t, validPayload())
		a.down.Store(true)
		for range 10 {
			if _, err := v.Verify(t.Context(), raw, "n"); !errors.Is(err, idtoken.ErrKeysUnavailable) {
				t.Fatal(err)
			}
		}
		if n := a.fetches.Load(); n != 1 {
			t.Errorf("%d fetches at once", n)
		}
		a.down.Store(false)
		time.Sleep(2 * time.Second)
		if _, err := v.Verify(t.Context(), raw, "n"); err != nil {
			t.Error(err)
		}
	})
}

func TestKeySet_WaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t)
		v := a.verifier()
		release := make(chan struct{})
		v.Keys = idtoken.NewKeySet(func(ctx context.Context) ([]byte, error) { <-release; return a.fetch(ctx) })
		raw := a.sign(t, validPayload())
		first := make(chan error, 1)
		go func() { _, err := v.Verify(t.Context(), raw, "n"); first <- err }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := v.Verify(ctx, raw, "n"); !errors.Is(err, idtoken.ErrKeysUnavailable) {
			t.Errorf("waited on: %v", err)
		}
		close(release)
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

func TestB2_CallersWhoComeJustAfterAFetchDoNotFetchAgain(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	token := a.sign(t, validPayload())
	a.id = "unknown"
	forged := a.sign(t, validPayload())
	a.id = "one"
	for range 200 {
		a.fetches.Store(0)
		v := a.verifier()
		if _, err := v.Verify(t.Context(), token, "n"); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() {
				if _, err := v.Verify(t.Context(), forged, "n"); err == nil {
					t.Error("a key that is not published signed it")
				}
			})
		}
		wait.Wait()
		if n := a.fetches.Load(); n != 2 {
			t.Fatalf("%d fetches, want the first one and one for an unknown key", n)
		}
	}
}

func TestB2_AFetchThatEveryCallerHasLeftCountsAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t)
		v := a.verifier()
		v.Keys = idtoken.NewKeySet(func(ctx context.Context) ([]byte, error) {
			body, err := a.fetch(ctx)
			time.Sleep(time.Second)
			return body, err
		})
		if err := v.Keys.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.id = "unknown"
		forged := a.sign(t, validPayload())
		a.id = "one"
		for range 10 {
			hasty, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			if _, err := v.Verify(hasty, forged, "n"); err == nil {
				t.Error("a key that is not published signed it")
			}
			cancel()
			time.Sleep(2 * time.Second)
		}
		if n := a.fetches.Load(); n != 2 {
			t.Errorf("%d fetches in 20 seconds, want the first one and one for an unknown key", n)
		}
	})
}

func TestKeySet_APanicInTheTransportIsAnOutage(t *testing.T) {
	t.Parallel()
	keys := idtoken.NewKeySet(func(context.Context) ([]byte, error) { panic("a transport of the app's") })
	if err := keys.Ready(t.Context()); !errors.Is(err, idtoken.ErrKeysUnavailable) {
		t.Errorf("%v", err)
	}
}
