// Package parallel works on many names at the same time and yields the results in order.
package parallel

import (
	"iter"
	"sync"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// Limit is how many names are worked on at the same time: enough to share round trips to the
// storage, and few enough to leave connections to users.
const Limit = 32

// Map does work for each name, for several at the same time, and yields the results in the
// order of the names. After an error it begins no more work, and the work that has begun is
// done before the error is yielded.
//
// The last name is worked on without a goroutine: most lists have one name, and waking another
// processor for it costs more than a look-up in Redis.
func Map[T any](names iter.Seq2[string, error], work func(name string) (T, error)) iter.Seq2[T, error] {
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
		begin := func(name string, how func(func())) bool {
			if len(begun) == Limit && !next() {
				return false
			}
			done := make(chan result[T], 1)
			how(func() { done <- resultOf(name, work) })
			begun = append(begun, done)
			return true
		}
		var last []string // at most one: the newest name
		var failed error
		for name, err := range names {
			if failed = err; failed != nil {
				break
			}
			if len(last) > 0 && !begin(last[0], running.Go) {
				return
			}
			last = append(last[:0], name)
		}
		if len(last) > 0 && !begin(last[0], func(work func()) { work() }) {
			return
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

// resultOf returns a panic as an error. The app's logger may panic, for example, and in this
// goroutine the panic would reach no other recover (threat G23).
func resultOf[T any](name string, work func(string) (T, error)) (r result[T]) {
	defer func() {
		if p := recover(); p != nil {
			r.err = autherr.Panicked(p)
		}
	}()
	r.value, r.err = work(name)
	return r
}

// Each yields names without errors.
func Each(names []string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, name := range names {
			if !yield(name, nil) {
				return
			}
		}
	}
}
