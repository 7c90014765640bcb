// Package flight runs work once for all callers who ask for it at the same time, in a
// goroutine of its own.
package flight

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"
)

// Result is what a flight ends with.
type Result = singleflight.Result

// Group is a singleflight.Group whose work may panic. singleflight repeats a panic in a
// new goroutine, where nothing can recover it and the process ends; here it is an error.
type Group struct{ flights singleflight.Group }

// Begin starts the work, or joins the flight of the same key that is under way.
func (g *Group) Begin(key string, work func() (any, error)) <-chan Result {
	return g.flights.DoChan(key, func() (result any, err error) {
		err = Caught(func() (err error) {
			result, err = work()
			return err
		})
		return result, err
	})
}

// Caught returns a panic of the work as an error. Every goroutine of ours that calls the
// app's code needs it: a recover middleware of the app does not reach there.
func Caught(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return work()
}

// Await returns the result of a flight, unless the caller's patience or context ends before.
// The error is then gaveUp's, made from the reason.
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
