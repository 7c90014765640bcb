package faultproxy

import (
	"slices"
	"sync"
	"time"
)

// clock notifies the directions of all connections of a proxy when their next segment arrives. It
// uses one timer and one goroutine for all of them, because the proxy shares the processor with
// the measured program.
type clock struct {
	timer timer
	ended sync.WaitGroup

	mu       sync.Mutex
	expected []arrival // the earliest first
	stopped  bool
}

// receiver is notified when something arrives. If something else is to arrive later, it returns
// when.
type receiver interface {
	arrived(now time.Time) (next time.Time, more bool)
}

// arrival is a time at which a receiver is to be notified.
type arrival struct {
	at       time.Time
	receiver receiver
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

// expect notifies a receiver at a time.
func (c *clock) expect(r receiver, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.insert(arrival{at, r})
	if c.expected[0].receiver == r {
		c.setTimer()
	}
}

func (c *clock) setTimer() {
	if !c.stopped && len(c.expected) > 0 {
		c.timer.set(max(time.Until(c.expected[0].at), 1))
	}
}

func (c *clock) run() {
	for c.timer.wait() {
		c.mu.Lock()
		for now := time.Now(); len(c.expected) > 0 && !c.expected[0].at.After(now); {
			r := c.expected[0].receiver
			c.expected = slices.Delete(c.expected, 0, 1)
			if next, more := r.arrived(now); more {
				c.insert(arrival{next, r})
			}
		}
		c.setTimer()
		c.mu.Unlock()
	}
}

// insert keeps the arrivals sorted. It searches from the end, because most segments that are sent
// later also arrive later. The caller holds the mutex.
func (c *clock) insert(a arrival) {
	i := len(c.expected)
	for i > 0 && a.at.Before(c.expected[i-1].at) {
		i--
	}
	c.expected = slices.Insert(c.expected, i, a)
}
