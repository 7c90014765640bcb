package fibermsal

import (
	"fmt"
	"iter"
	"sync"
)

// atOnce is how many sessions are read or ended at the same time: so many wait for a
// round trip to the storage together, and few enough to leave users their connections.
const atOnce = 32

// inParallel does work for each of some names, for several at the same time, and yields the
// results in the order of the names. After an error it begins no more, and what has begun
// is done before the error is yielded.
func inParallel[T any](names iter.Seq2[string, error], work func(name string) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var running sync.WaitGroup
		defer running.Wait()
		var begun []<-chan result[T] // in order
		next := func() bool {
			r := <-begun[0]
			begun = begun[1:]
			if r.err != nil {
				running.Wait()
			}
			return yield(r.value, r.err) && r.err == nil
		}
		var failed error
		for name, err := range names {
			if failed = err; failed != nil {
				break
			}
			if len(begun) == atOnce && !next() {
				return
			}
			done := make(chan result[T], 1)
			running.Go(func() { done <- resultOf(name, work) })
			begun = append(begun, done)
		}
		for len(begun) > 0 {
			if !next() {
				return
			}
		}
		if failed != nil {
			var none T
			yield(none, failed)
		}
	}
}

// result is what work returned.
type result[T any] struct {
	value T
	err   error
}

// resultOf takes a panic of the app's Logger, for one, for a failure: in a goroutine of
// ours it would pass every other recover (threat G23).
func resultOf[T any](name string, work func(string) (T, error)) (r result[T]) {
	defer func() {
		if p := recover(); p != nil {
			r.err = ErrMisconfigured.because("panic", fmt.Errorf("panic: %v", p))
		}
	}()
	r.value, r.err = work(name)
	return r
}

// each yields names.
func each(names []string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, name := range names {
			if !yield(name, nil) {
				return
			}
		}
	}
}
