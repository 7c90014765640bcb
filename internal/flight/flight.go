// Package flight runs work once for all concurrent callers, in a separate goroutine.
package flight

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"
)

// Result is the result of a flight.
type Result = singleflight.Result

// Group is like singleflight.Group, but returns a panic of the work as an error. singleflight repeats a
// panic in a new goroutine, where nothing can recover from it, so the process would end.
type Group struct{ flights singleflight.Group }

// Begin starts the work, or joins the current flight with the same key.
func (g *Group) Begin(key string, work func() (any, error)) <-chan Result {
	return g.flights.DoChan(key, func() (result any, err error) {
		err = Caught(func() (err error) {
			result, err = work()
			return err
		})
		return result, err
	})
}

// Caught runs work and returns a panic as an error. Every goroutine of this module that calls the app's
// code needs it, because the app's recover middleware does not catch panics there.
func Caught(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return work()
}

// Await waits for the result of a flight, until patience has passed or ctx ends. It then returns
// the error that gaveUp makes of the reason.
func Await[T any](ctx context.Context, patience time.Duration, flight <-chan Result, gaveUp func(error) error) (result T, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case r := <-flight:
		result, _ = r.Val.(T)
		return result, r.Err
	case <-ctx.Done():
		return result, gaveUp(context.Cause(ctx))
	}
}
