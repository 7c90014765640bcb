// Package faults makes endpoints fail.
package faults

import (
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
)

// Fault is entratest.Fault, whose fields are documented there.
type Fault struct {
	Times      int
	Delay      time.Duration
	Drop       bool
	LoseAnswer bool

	Status   int
	Body     string
	BodyFrom func() io.Reader
	Error    *aadsts.Error // complete, with its status

	Header   http.Header
	Truncate int
}

// Queue holds the faults of each endpoint. It is safe for concurrent use.
type Queue struct {
	mu     sync.Mutex
	queues map[string][]*Fault
}

// NewQueue returns an empty queue.
func NewQueue() *Queue { return &Queue{queues: map[string][]*Fault{}} }

// Add appends a fault to the queue of the endpoint.
func (q *Queue) Add(endpoint string, f Fault) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queues[endpoint] = append(q.queues[endpoint], &f)
}

// Clear removes all faults.
func (q *Queue) Clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.queues)
}

// Next takes the fault for one request from the endpoint's queue; nil if there is none.
func (q *Queue) Next(endpoint string) *Fault {
	q.mu.Lock()
	defer q.mu.Unlock()
	queue := q.queues[endpoint]
	if len(queue) == 0 {
		return nil
	}
	f := *queue[0]
	if queue[0].Times == 1 {
		q.queues[endpoint] = queue[1:]
	} else if queue[0].Times > 1 {
		queue[0].Times--
	}
	return &f
}
