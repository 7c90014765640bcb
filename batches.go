package fibermsal

import (
	"fmt"
	"iter"
	"sync"
)

// atOnce is how many sessions are read or ended at the same time: so many wait for a
// round trip to the storage together, and few enough to leave users their connections.
const atOnce = 32

// batched does work for each of some names, for several at once, and yields the results in
// the order of the names. After an error it begins no more, but what has begun is done
// before the error is yielded.
func batched[T any](names iter.Seq2[string, error], work func(name string) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		batch := make([]string, 0, atOnce)
		for name, err := range names {
			if err != nil {
				if runBatch(batch, work, yield) {
					var none T
					yield(none, err)
				}
				return
			}
			if batch = append(batch, name); len(batch) < atOnce {
				continue
			}
			if !runBatch(batch, work, yield) {
				return
			}
			batch = batch[:0]
		}
		runBatch(batch, work, yield)
	}
}

// runBatch reports whether to go on.
func runBatch[T any](batch []string, work func(string) (T, error), yield func(T, error) bool) bool {
	type result struct {
		value T
		err   error
	}
	results := make([]result, len(batch))
	var wait sync.WaitGroup
	for i, name := range batch {
		wait.Go(func() {
			defer func() {
				if p := recover(); p != nil { // of the app's Logger: here it would pass every other recover
					results[i].err = ErrMisconfigured.because("panic", fmt.Errorf("panic: %v", p))
				}
			}()
			results[i].value, results[i].err = work(name)
		})
	}
	wait.Wait()
	for _, r := range results {
		if !yield(r.value, r.err) || r.err != nil {
			return false
		}
	}
	return true
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
