package graph

import (
	"container/list"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/fibermsal/fibermsal/entra"
)

const (
	// maxCache bounds the photos of all users of an app in memory, and maxCached one of them.
	maxCache  = 16 << 20
	maxCached = 1 << 20
	// entryCost is what an entry takes besides the picture, so that users without photos are
	// bounded, too.
	entryCost = 512
	// photoFor and noPhotoFor are how long Graph is not asked again.
	photoFor   = time.Hour
	noPhotoFor = 15 * time.Minute
)

// photoKey names a photo of a user. Users are their tenant and object ID, so no two share one.
type photoKey struct{ tenant, user, size string }

func keyOf(u *entra.User, size string) photoKey { return photoKey{u.TenantID, u.ID, size} }

// photoCache remembers photos, and which users have none. If it is full, it forgets the photo that
// was not shown for the longest time. It is safe for concurrent use. A nil cache remembers nothing.
type photoCache struct {
	mu      sync.Mutex
	entries map[photoKey]*list.Element
	latest  list.List // of *photoEntry, the latest shown first
	size    int
}

type photoEntry struct {
	key     photoKey
	picture []byte // must not be changed
	until   time.Time
}

func (e *photoEntry) cost() int { return len(e.picture) + entryCost }

// appValues is a credential whose app remembers values.
type appValues interface {
	AppValue(key any, create func() any) any
}

type photoCacheKey struct{}

// cacheOf returns the cache of the app that a credential belongs to, or nil.
func cacheOf(credential azcore.TokenCredential) *photoCache {
	app, ok := credential.(appValues)
	if !ok {
		return nil
	}
	cache, _ := app.AppValue(photoCacheKey{}, func() any {
		return &photoCache{entries: make(map[photoKey]*list.Element)}
	}).(*photoCache)
	return cache
}

// get returns a picture, nil if the user has none, and false if it is not known.
func (c *photoCache) get(key photoKey) (picture []byte, known bool) {
	if c == nil {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[key]
	if !ok {
		return nil, false
	}
	entry, _ := element.Value.(*photoEntry)
	if time.Now().After(entry.until) {
		c.remove(element, entry)
		return nil, false
	}
	c.latest.MoveToFront(element)
	return entry.picture, true
}

// put remembers a picture, or nil for none.
func (c *photoCache) put(key photoKey, picture []byte) {
	if c == nil || len(picture) > maxCached {
		return
	}
	entry := &photoEntry{key: key, picture: picture, until: time.Now().Add(photoFor)}
	if picture == nil {
		entry.until = time.Now().Add(noPhotoFor)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, ok := c.entries[key]; ok {
		old, _ := element.Value.(*photoEntry)
		c.remove(element, old)
	}
	c.entries[key] = c.latest.PushFront(entry)
	c.size += entry.cost()
	for c.size > maxCache {
		oldest := c.latest.Back()
		entry, _ := oldest.Value.(*photoEntry)
		c.remove(oldest, entry)
	}
}

func (c *photoCache) remove(element *list.Element, entry *photoEntry) {
	c.latest.Remove(element)
	delete(c.entries, entry.key)
	c.size -= entry.cost()
}
