// Package tokencache reads and trims MSAL's serialized cache.
//
// The MSALs of all languages share the format, which does not change (MSAL Go,
// apps/internal/base/storage/items.go). There are three reasons to read it here. MSAL
// has no forced refresh, but calls Entra if the access token is missing. MSAL hides
// failures of the refreshes that it starts by itself. And MSAL never removes an expired
// token, so a record would grow with every set of scopes.
package tokencache

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The sections of the format.
const (
	accessTokens  = "AccessToken"
	refreshTokens = "RefreshToken"
)

// Cache is the decoded form. It is not safe for concurrent use.
type Cache struct {
	sections map[string]map[string]json.RawMessage
	rest     map[string]json.RawMessage // the other sections
}

// Owner identifies the owner of entries in a cache, by the keys under which MSAL files them.
type Owner struct {
	Account     string // the home account ID
	ClientID    string
	Environment string // the authority's host
	Realm       string // the tenant in the authority's path
}

// entry has the fields that are read of an entry.
type entry struct {
	HomeAccountID string   `json:"home_account_id"`
	Environment   string   `json:"environment"`
	Realm         string   `json:"realm"`
	ClientID      string   `json:"client_id"`
	Target        string   `json:"target"`
	Secret        string   `json:"secret"`
	TokenType     string   `json:"token_type"`
	ExtCacheKey   string   `json:"ext_cache_key"`
	ExpiresOn     unixText `json:"expires_on"`
	RefreshOn     unixText `json:"refresh_on"`
	CachedAt      unixText `json:"cached_at"`
}

// unixText is a Unix time in seconds, which MSAL writes in quotes.
type unixText struct{ time.Time }

// UnmarshalJSON implements [json.Unmarshaler]. A value that is not a time becomes the zero time.
func (u *unixText) UnmarshalJSON(raw []byte) error {
	seconds, err := strconv.ParseInt(string(bytes.Trim(raw, `"`)), 10, 64)
	if err == nil && seconds > 0 {
		u.Time = time.Unix(seconds, 0)
	}
	return nil
}

// Parse decodes a serialized cache. Empty content is an empty cache.
func Parse(content []byte) (*Cache, error) {
	c := &Cache{sections: map[string]map[string]json.RawMessage{}, rest: map[string]json.RawMessage{}}
	if len(content) == 0 {
		return c, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(content, &fields); err != nil {
		return nil, errors.New("tokencache: not a serialized cache")
	}
	for name, raw := range fields {
		var section map[string]json.RawMessage
		if json.Unmarshal(raw, &section) == nil && section != nil {
			c.sections[name] = section
		} else {
			c.rest[name] = raw
		}
	}
	return c, nil
}

// Bytes encodes the cache.
func (c *Cache) Bytes() ([]byte, error) {
	fields := map[string]any{}
	for name, raw := range c.rest {
		fields[name] = raw
	}
	for name, section := range c.sections {
		fields[name] = section
	}
	return json.Marshal(fields)
}

// HasRefreshToken reports whether the cache has a refresh token of the owner.
func (c *Cache) HasRefreshToken(o Owner) bool {
	for _, raw := range c.sections[refreshTokens] {
		var e entry
		if json.Unmarshal(raw, &e) == nil && o.files(e) {
			return true
		}
	}
	return false
}

func (o Owner) files(e entry) bool {
	return e.HomeAccountID == o.Account && strings.EqualFold(e.ClientID, o.ClientID) && strings.EqualFold(e.Environment, o.Environment)
}

// Find returns the owner's access token for scopes that expires last. MSAL would
// return any that matches.
func (c *Cache) Find(o Owner, scopes []string) (found Token, ok bool) {
	for _, raw := range c.sections[accessTokens] {
		e, matches := match(raw, o, scopes)
		if matches && e.ExpiresOn.After(found.ExpiresOn) {
			found = Token{Secret: e.Secret, ExpiresOn: e.ExpiresOn.Time, RefreshOn: e.RefreshOn.Time, CachedAt: e.CachedAt.Time}
		}
	}
	return found, found.Secret != ""
}

// Drop removes the owner's access tokens for scopes, so that MSAL requests a new one.
// It also removes all expired access tokens.
func (c *Cache) Drop(o Owner, scopes []string, now time.Time) {
	maps.DeleteFunc(c.sections[accessTokens], func(_ string, raw json.RawMessage) bool {
		e, matches := match(raw, o, scopes)
		return matches || !now.Before(e.ExpiresOn.Time)
	})
}

func match(raw json.RawMessage, o Owner, scopes []string) (e entry, ok bool) {
	if json.Unmarshal(raw, &e) != nil || !o.files(e) || !strings.EqualFold(e.Realm, o.Realm) ||
		e.ExtCacheKey != "" || (e.TokenType != "" && !strings.EqualFold(e.TokenType, "Bearer")) {
		return e, false
	}
	granted := strings.Fields(strings.ToLower(e.Target))
	for _, s := range scopes {
		if !slices.Contains(granted, strings.ToLower(s)) {
			return e, false
		}
	}
	return e, true
}

// Merge adds the entries of another state of the same cache. If both have an entry, that of
// the state with the latest access token is kept.
func (c *Cache) Merge(other *Cache) {
	newer := other.newest().After(c.newest())
	for name, section := range other.sections {
		if c.sections[name] == nil {
			c.sections[name] = map[string]json.RawMessage{}
		}
		for key, raw := range section {
			if _, present := c.sections[name][key]; !present || newer {
				c.sections[name][key] = raw
			}
		}
	}
}

// Merged is Merge for serialized caches.
func Merged(ours, theirs []byte) ([]byte, error) {
	c, err := Parse(ours)
	if err != nil {
		return nil, err
	}
	other, err := Parse(theirs)
	if err != nil {
		return nil, err
	}
	c.Merge(other)
	return c.Bytes()
}

// newest returns when the latest access token of the cache was received.
func (c *Cache) newest() (latest time.Time) {
	for _, raw := range c.sections[accessTokens] {
		var e entry
		if json.Unmarshal(raw, &e) == nil && e.CachedAt.After(latest) {
			latest = e.CachedAt.Time
		}
	}
	return latest
}
