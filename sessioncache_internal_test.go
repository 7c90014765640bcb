package fibermsal

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// Inside the package, because a million sign-ins would take hours.
//
// Not parallel: the heap is measured.
func TestG24_AMillionSessionsPassThroughABoundedCache(t *testing.T) {
	c, err := newSessionCache()
	if err != nil {
		t.Fatal(err)
	}
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
		name := strconv.Itoa(i)
		s := &session{User: User{ID: name}, recordName: name}
		c.add(bytes.Repeat([]byte{1}, 800), s)
		c.update(name, "User.Read", func(known *rememberedToken) {
			known.token = azcore.AccessToken{Token: strings.Clone(token), ExpiresOn: time.Now()}
		})
		if i == sessions/10 {
			full = heap()
		}
	}
	if grown := int64(heap()) - int64(full); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes after the cache was full", grown)
	}
	if c.lru.Len() > maxSessions || c.bytes > maxSessionBytes {
		t.Errorf("%d sessions, %d bytes", c.lru.Len(), c.bytes)
	}
	if got := c.evictions.Load(); got != sessions-uint64(c.lru.Len()) {
		t.Errorf("%d evictions counted", got)
	}
	for _, name := range c.lru.Keys() {
		c.remove(name)
	}
	if c.bytes != 0 {
		t.Errorf("%d bytes of nothing", c.bytes)
	}
}

func TestSessionCache_CountsTheSameTokenOnce(t *testing.T) {
	t.Parallel()
	c, err := newSessionCache()
	if err != nil {
		t.Fatal(err)
	}
	c.add([]byte("box"), &session{recordName: "n"})
	set := func(token string) func(*rememberedToken) {
		return func(known *rememberedToken) { known.token.Token = token }
	}
	c.update("n", "a", set("12345"))
	before := c.bytes
	for range 1000 {
		c.update("n", "a", set("54321"))
	}
	if c.bytes != before {
		t.Errorf("%d bytes, %d before", c.bytes, before)
	}
	c.update("absent", "a", set("12345"))
	if c.bytes != before || c.token("absent", "a").token.Token != "" {
		t.Error("a token of nobody is kept")
	}
}
