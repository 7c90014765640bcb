//go:build !linux

package faultproxy

import "time"

// runtimeTimer is late by up to a millisecond.
type runtimeTimer struct {
	timer *time.Timer
	ended chan struct{}
}

func newTimer() (timer, error) {
	return &runtimeTimer{timer: time.NewTimer(time.Hour), ended: make(chan struct{})}, nil
}

func (t *runtimeTimer) set(after time.Duration) { t.timer.Reset(after) }

func (t *runtimeTimer) wait() bool {
	select {
	case <-t.timer.C:
		return true
	case <-t.ended:
		return false
	}
}

func (t *runtimeTimer) close() { close(t.ended) }
