package session

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// Inside the package, because a million sign-ins would take hours.
//
// Not parallel: the heap is measured.
func TestG24_AMillionSessionsPassThroughABoundedCache(t *testing.T) {
	c := NewCache()
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var full uint64
	const sessions = 1_000_000
	token := strings.Repeat("t", 2000)
	for i := range sessions {
		id := strconv.Itoa(i)
		c.add(bytes.Repeat([]byte{1}, 800), &Session{ID: id, User: Identity{ID: id}})
		c.Attach(id, userRead, func(any) (any, int) { return strings.Clone(token), len(token) })
		if i == sessions/10 {
			full = heap()
		}
	}
	if grown := int64(heap()) - int64(full); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes after the cache was full", grown)
	}
	if c.lru.Len() > maxSessions || c.bytes > maxBytes {
		t.Errorf("%d sessions, %d bytes", c.lru.Len(), c.bytes)
	}
	if got := c.evictions.Load(); got != sessions-uint64(c.lru.Len()) {
		t.Errorf("%d evictions counted", got)
	}
	for _, id := range c.lru.Keys() {
		c.remove(id)
	}
	if c.bytes != 0 {
		t.Errorf("%d bytes of nothing", c.bytes)
	}
}

var userRead = Attachment{Kind: "token", Name: "User.Read"}

func TestCache_CountsAReplacedAttachmentOnce(t *testing.T) {
	t.Parallel()
	c := NewCache()
	c.add([]byte("sealed"), &Session{ID: "n"})
	set := func(value string) func(any) (any, int) {
		return func(any) (any, int) { return value, len(value) }
	}
	c.Attach("n", userRead, set("12345"))
	before := c.bytes
	for range 1000 {
		c.Attach("n", userRead, set("54321"))
	}
	if c.bytes != before {
		t.Errorf("%d bytes, %d before", c.bytes, before)
	}
	c.Attach("absent", userRead, set("12345"))
	if c.bytes != before || c.Attached("absent", userRead) != nil {
		t.Error("the cache keeps an attachment without a session")
	}
}
