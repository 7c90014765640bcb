// Package traffic records the requests that the emulator receives.
package traffic

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Record is entratest.Request, whose fields are documented there.
type Record struct {
	Endpoint string
	Method   string
	URL      *url.URL
	Proto    string
	Header   http.Header
	Form     url.Values
	Status   int
	User     string
	Time     time.Time
}

// maxRecords is the maximum number of records. It is high enough for any test, and limits the memory of
// a server that runs for days.
const maxRecords = 50_000

// Log contains the latest records, and counts all requests. It is safe for concurrent use.
type Log struct {
	mu     sync.Mutex // guards the fields below and the records
	latest []*Record
	counts map[string]int
}

// NewLog returns an empty log.
func NewLog() *Log { return &Log{counts: map[string]int{}} }

type noteKey struct{}

// Record adds the request, whose form must have been parsed. It returns the request with a context for
// [NoteUser], and a function that completes the record with the status of the response.
func (l *Log) Record(endpoint string, r *http.Request) (recorded *http.Request, done func(status int)) {
	record := &Record{
		Endpoint: endpoint, Method: r.Method, URL: addressOf(r), Proto: r.Proto,
		Header: r.Header.Clone(), Form: maps.Clone(r.Form), Time: time.Now(),
	}
	l.add(record)
	note := func(user string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		record.User = user
	}
	done = func(status int) {
		l.mu.Lock()
		defer l.mu.Unlock()
		record.Status = status
	}
	return r.WithContext(context.WithValue(r.Context(), noteKey{}, note)), done
}

func (l *Log) add(record *Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[record.Endpoint]++
	if len(l.latest) >= 2*maxRecords {
		l.latest = slices.Clone(l.latest[maxRecords:])
	}
	l.latest = append(l.latest, record)
}

func addressOf(r *http.Request) *url.URL {
	u := *r.URL
	u.Host = r.Host
	return &u
}

// NoteUser completes the record of the request with the user (UPN) it is about.
func NoteUser(r *http.Request, upn string) {
	if note, ok := r.Context().Value(noteKey{}).(func(string)); ok {
		note(upn)
	}
}

// Records returns the records of the given endpoints, or of all endpoints, in order of arrival.
func (l *Log) Records(endpoints ...string) []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Record
	for _, record := range l.latest {
		if len(endpoints) == 0 || slices.Contains(endpoints, record.Endpoint) {
			out = append(out, *record)
		}
	}
	return out
}

// Count returns how many requests have arrived at the endpoint.
func (l *Log) Count(endpoint string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[endpoint]
}

// Reset removes all records.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latest, l.counts = nil, map[string]int{}
}
