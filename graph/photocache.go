package graph

import (
	"container/list"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/fibermsal/fibermsal/entra"
)

const (
	// maxCache is the size of the cache for all users of an app, and maxCached that of the largest
	// photo in it, in bytes.
	maxCache  = 16 << 20
	maxCached = 1 << 20
	// entryCost is the size of an entry without the picture, so that the number of users without photos
	// is also limited.
	entryCost = 512
	// photoFor and noPhotoFor are how long a photo, or the fact that there is none, is cached.
	photoFor   = time.Hour
	noPhotoFor = 15 * time.Minute
)

// photoKey identifies a photo of a user. It contains the tenant and object ID, so two users never share
// an entry.
type photoKey struct{ tenant, user, size string }

func keyOf(u *entra.User, size string) photoKey { return photoKey{u.TenantID, u.ID, size} }

// photoCache caches photos and the fact that users have none. If it is full, it evicts the least
// recently used entry. It is safe for concurrent use. A nil cache stores nothing.
type photoCache struct {
	mu      sync.Mutex
	entries map[photoKey]*list.Element
	latest  list.List // of *photoEntry, most recently used first
	size    int
}

type photoEntry struct {
	key     photoKey
	picture []byte // must not be changed
	until   time.Time
}

func (e *photoEntry) cost() int { return len(e.picture) + entryCost }

// appValues is a credential whose app stores values for packages.
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

// get returns a picture, or nil if the user is known to have none. It returns false if nothing is
// known.
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

// put stores a picture, or nil if the user has none.
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
