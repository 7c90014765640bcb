package faultproxy

import "time"

// timer is set by one goroutine at a time, while another one waits for it.
type timer interface {
	set(after time.Duration)
	// wait returns true when the time has passed, and false once the timer is closed.
	wait() bool
	close()
}
