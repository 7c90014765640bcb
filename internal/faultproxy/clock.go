package faultproxy

import (
	"container/heap"
	"sync"
	"time"
)

// clock wakes all ways of a proxy when their next segment arrives. One timer and one
// goroutine serve them all, because the processor is shared with what is measured.
type clock struct {
	timer timer
	ended sync.WaitGroup

	mu      sync.Mutex
	waiting flights
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
	heap.Push(&c.waiting, flight{at, w})
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
			if next, more := w.arrived(now); more {
				c.waiting[0].at = next
				heap.Fix(&c.waiting, 0)
			} else {
				heap.Pop(&c.waiting)
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

// flights implements heap.Interface.
type flights []flight

func (f flights) Len() int           { return len(f) }
func (f flights) Less(i, j int) bool { return f[i].at.Before(f[j].at) }
func (f flights) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)        { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	all := *f
	last := all[len(all)-1]
	*f = all[:len(all)-1]
	return last
}
