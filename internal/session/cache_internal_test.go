package session

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// The test is inside the package, because a million sign-ins would take hours.
//
// Not parallel: the heap is measured.
func TestG24_AMillionSessionsPassThroughABoundedCache(t *testing.T) {
	const limit = 64 << 20
	c := NewCache(limit)
	var full uint64
	const sessions = 1_000_000
	token := strings.Repeat("t", 2000)
	for i := range sessions {
		id := strconv.Itoa(i)
		c.add(bytes.Repeat([]byte{1}, 800), &Session{ID: id, User: Identity{ID: id}})
		c.Attach(id, userRead, func(any) (any, int) { return strings.Clone(token), len(token) })
		if i == sessions/10 {
			full = heapAlloc()
		}
	}
	if grown := int64(heapAlloc()) - int64(full); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes after the cache was full", grown)
	}
	if c.bytes > limit {
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

// A session is not extended once more when it was renewed or evicted. The table for evicted sessions, of 2 MB, is
// not made for sessions that have ended.
func TestCache_RemembersWhenASessionWasExtended(t *testing.T) {
	t.Parallel()
	c, extended := NewCache(1<<20), time.Unix(1_800_000_000, 0)
	load := func(id, sealed string) *remembered {
		return c.add([]byte(sealed), &Session{ID: id, User: Identity{ID: id}})
	}
	load("a", "first").touchedAt.Store(extended.UnixNano())
	if got := load("a", "renewed").touchedAt.Load(); got != extended.UnixNano() {
		t.Errorf("after a renewal: %v", time.Unix(0, got))
	}
	load("b", "other")
	c.remove("b")
	if c.touched.sets != nil {
		t.Error("the table was made for a session that has ended")
	}
	c.Clear()
	if got := load("a", "again").touchedAt.Load(); got != extended.UnixNano() {
		t.Errorf("after an eviction: %v", time.Unix(0, got))
	}
}

// The cache's own figure must match the memory that the sessions use, so that the configured limit is a
// limit of memory.
//
// Not parallel: the heap is measured.
func TestCache_CountsWhatSessionsTake(t *testing.T) {
	var version storedVersion
	content, err := os.ReadFile("../../testdata/stored/d6e1a25.json")
	if err != nil || json.Unmarshal(content, &version) != nil {
		t.Fatal("the file is not readable", err)
	}
	const sessions = 10_000
	c, before := NewCache(1<<30), heapAlloc()
	for i := range sessions {
		id := strconv.Itoa(i)
		decoded := &Session{ID: id}
		if err := json.Unmarshal(version.Session, decoded); err != nil {
			t.Fatal(err)
		}
		c.add(append(make([]byte, sealed.Overhead), version.Session...), decoded)
		c.Attach(id, userRead, func(any) (any, int) { return strings.Repeat("t", 1424), 1424 })
	}
	taken := int(heapAlloc()-before) / sessions
	if counted := c.bytes / sessions; counted < taken || counted > 3*taken/2 {
		t.Errorf("a session takes %d bytes and counts as %d", taken, counted)
	}
	t.Logf("%d bytes of which %d are sealed", taken, len(version.Session)+sealed.Overhead)
	runtime.KeepAlive(c)
}

func heapAlloc() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

var userRead = Attachment{Kind: "token", Name: "User.Read"}

func TestCache_CountsAReplacedAttachmentOnce(t *testing.T) {
	t.Parallel()
	c := NewCache(1 << 20)
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
