package faultproxy

import (
	"slices"
	"sync"
	"time"
)

// clock wakes all ways of a proxy when their next segment arrives. One timer and one
// goroutine serve them all, because the processor is shared with what is measured.
type clock struct {
	timer timer
	ended sync.WaitGroup

	mu      sync.Mutex
	waiting []flight // those that arrive first come first
	stopped bool
}

// timer is set by one goroutine at a time, while another one waits for it.
type timer interface {
	set(after time.Duration)
	// wait returns when the time is over, and reports false once the timer is closed.
	wait() bool
	close()
}

func startClock() (*clock, error) {
	t, err := newTimer()
	if err != nil {
		return nil, err
	}
	c := &clock{timer: t}
	c.ended.Go(c.run)
	return c, nil
}

func (c *clock) stop() {
	c.mu.Lock()
	c.stopped = true
	c.timer.close()
	c.mu.Unlock()
	c.ended.Wait()
}

// await has a way's arrived called at a time.
func (c *clock) await(w *way, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enter(flight{at, w})
	if c.waiting[0].way == w {
		c.wind()
	}
}

func (c *clock) wind() {
	if !c.stopped && len(c.waiting) > 0 {
		c.timer.set(max(time.Until(c.waiting[0].at), 1))
	}
}

func (c *clock) run() {
	for c.timer.wait() {
		c.mu.Lock()
		for now := time.Now(); len(c.waiting) > 0 && !c.waiting[0].at.After(now); {
			w := c.waiting[0].way
			c.waiting = slices.Delete(c.waiting, 0, 1)
			if next, more := w.arrived(now); more {
				c.enter(flight{next, w})
			}
		}
		c.wind()
		c.mu.Unlock()
	}
}

// flight is a way with something in flight, and when that arrives.
type flight struct {
	at  time.Time
	way *way
}

// enter puts a flight among the others. Most go to the end, for what begins later mostly
// arrives later. The lock is held.
func (c *clock) enter(f flight) {
	i := len(c.waiting)
	for i > 0 && f.at.Before(c.waiting[i-1].at) {
		i--
	}
	c.waiting = slices.Insert(c.waiting, i, f)
}
