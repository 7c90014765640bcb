// Package tokencache reads, trims and creates MSAL's serialized cache.
//
// The MSAL libraries of all languages share the format, which does not change (MSAL Go,
// apps/internal/base/storage/items.go). There are three reasons to read it here. MSAL has no forced
// refresh, but calls Entra if the access token is missing. MSAL hides failures of the refreshes that it
// starts by itself. And MSAL never removes an expired token, so a record would grow with every set of
// scopes.
package tokencache

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/rawjson"
)

// The sections of the format.
const (
	accessTokens  = "AccessToken"
	refreshTokens = "RefreshToken"
	appMetadata   = "AppMetadata"
)

// section contains the entries of a section by key, as JSON.
type section map[string][]byte

// Cache is the decoded form. It is not safe for concurrent use.
type Cache struct {
	sections map[string]section
	rest     map[string][]byte // the other members
}

// Owner identifies the owner of entries in a cache, by the values that MSAL uses in their keys.
type Owner struct {
	Account     string // the home account ID
	ClientID    string
	Environment string // the authority's host
	Realm       string // the tenant in the authority's path
}

// Parse decodes a serialized cache, which must not change afterwards. Empty content is an empty
// cache.
func Parse(content []byte) (*Cache, error) {
	c := &Cache{sections: map[string]section{}, rest: map[string][]byte{}}
	if len(content) == 0 || rawjson.IsNull(content) {
		return c, nil
	}
	if !rawjson.Object(content, c.add) {
		return nil, errors.New("tokencache: not a serialized cache")
	}
	return c, nil
}

// add adds a member of the serialized cache.
func (c *Cache) add(name, value []byte) {
	entries := section{}
	if rawjson.Object(value, func(key, entry []byte) { entries[string(key)] = entry }) {
		c.sections[string(name)] = entries
		delete(c.rest, string(name))
		return
	}
	c.rest[string(name)] = value
	delete(c.sections, string(name))
}

// Bytes encodes the cache.
func (c *Cache) Bytes() []byte {
	size := 2
	for name, entries := range c.sections {
		size += len(name) + 6
		for key, entry := range entries {
			size += len(key) + len(entry) + 4
		}
	}
	for name, value := range c.rest {
		size += len(name) + len(value) + 4
	}
	content := append(make([]byte, 0, size), '{')
	for _, name := range slices.Sorted(maps.Keys(c.sections)) {
		content = append(rawjson.AppendName(next(content), name), '{')
		for _, key := range slices.Sorted(maps.Keys(c.sections[name])) {
			content = append(rawjson.AppendName(next(content), key), c.sections[name][key]...)
		}
		content = append(content, '}')
	}
	for _, name := range slices.Sorted(maps.Keys(c.rest)) {
		content = append(rawjson.AppendName(next(content), name), c.rest[name]...)
	}
	return append(content, '}')
}

// next begins the next member of an object.
func next(content []byte) []byte {
	if content[len(content)-1] == '{' {
		return content
	}
	return append(content, ',')
}

// HasRefreshToken reports whether the cache has a refresh token of the owner.
func (c *Cache) HasRefreshToken(o Owner) bool {
	for _, raw := range c.sections[refreshTokens] {
		if e, ok := entryOf(raw); ok && o.files(&e) {
			return true
		}
	}
	return false
}

func (o Owner) files(e *entry) bool {
	return e.homeAccountID == o.Account && strings.EqualFold(e.clientID, o.ClientID) && strings.EqualFold(e.environment, o.Environment)
}

// Find returns the owner's access token for scopes that expires last. MSAL would return any matching
// token.
func (c *Cache) Find(o Owner, scopes []string) (found Token, ok bool) {
	for _, raw := range c.sections[accessTokens] {
		e, matches := match(raw, o, scopes)
		if matches && e.expiresOn.After(found.ExpiresOn) {
			secret, _ := rawjson.Text(e.secret)
			found = Token{Secret: secret, ExpiresOn: e.expiresOn, RefreshOn: e.refreshOn, CachedAt: e.cachedAt}
		}
	}
	return found, found.Secret != ""
}

// Drop removes the owner's access tokens for scopes, so that MSAL requests a new one.
// It also removes all expired access tokens.
func (c *Cache) Drop(o Owner, scopes []string, now time.Time) {
	maps.DeleteFunc(c.sections[accessTokens], func(_ string, raw []byte) bool {
		e, matches := match(raw, o, scopes)
		return matches || !now.Before(e.expiresOn)
	})
}

func match(raw []byte, o Owner, scopes []string) (e entry, ok bool) {
	e, ok = entryOf(raw)
	if !ok || !o.files(&e) || !strings.EqualFold(e.realm, o.Realm) ||
		e.extCacheKey != "" || (e.tokenType != "" && !strings.EqualFold(e.tokenType, "Bearer")) {
		return e, false
	}
	granted := strings.Fields(strings.ToLower(e.target))
	for _, s := range scopes {
		if !slices.Contains(granted, strings.ToLower(s)) {
			return e, false
		}
	}
	return e, true
}

// newest returns the time at which the newest access token of the cache was received.
func (c *Cache) newest() (latest time.Time) {
	for _, raw := range c.sections[accessTokens] {
		if e, ok := entryOf(raw); ok && e.cachedAt.After(latest) {
			latest = e.cachedAt
		}
	}
	return latest
}
