// Package parallel processes many names concurrently and yields the results in order.
package parallel

import (
	"iter"
	"sync"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// Limit is how many names are processed at the same time. It is high enough to share round trips to the
// storage, and low enough to leave connections for the requests of users.
const Limit = 32

// Map calls work for each name, for up to [Limit] of them at the same time, and yields the results in
// the order of the names. After an error it starts no further calls. All calls have returned before the
// error is yielded.
//
// The last name is processed without a goroutine, because most lists have one name, and waking another
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

// resultOf calls work and returns a panic as an error. The app's logger may panic, for example, and
// nothing else would recover the panic in this goroutine (threat G23).
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
