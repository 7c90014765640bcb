// Package tokencache reads and trims what MSAL serializes its cache to.
//
// The format is shared by the MSALs of all languages and does not change
// (MSAL Go, apps/internal/base/storage/items.go). Reading it here has three
// reasons: MSAL has no forced refresh, but asks Entra when the access token is left
// out; it hides the failures of refreshes it makes by itself; and it never removes
// an expired token, so that a record would grow with every set of scopes.
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
	rest     map[string]json.RawMessage // what is not a section of entries
}

// Owner is whose entries of a cache count, as MSAL files them.
type Owner struct {
	Account     string // the home account id
	ClientID    string
	Environment string // the authority's host
	Realm       string // the tenant in the authority's path
}

// entry is what is read of an entry's JSON.
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

// unixText is a number of seconds as MSAL writes it, in quotes.
type unixText struct{ time.Time }

// UnmarshalJSON implements [json.Unmarshaler]. What is no time is none.
func (u *unixText) UnmarshalJSON(raw []byte) error {
	seconds, err := strconv.ParseInt(string(bytes.Trim(raw, `"`)), 10, 64)
	if err == nil && seconds > 0 {
		u.Time = time.Unix(seconds, 0)
	}
	return nil
}

// Parse decodes a serialized cache; nothing is an empty one.
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

// Bytes encodes the cache again.
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

// HasRefreshToken reports whether there is one to ask Entra with.
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

// Find returns the owner's access token for scopes that lives longest. MSAL
// would take any that matches.
func (c *Cache) Find(o Owner, scopes []string) (found Token, ok bool) {
	for _, raw := range c.sections[accessTokens] {
		e, matches := match(raw, o, scopes)
		if matches && e.ExpiresOn.After(found.ExpiresOn) {
			found = Token{Secret: e.Secret, ExpiresOn: e.ExpiresOn.Time, RefreshOn: e.RefreshOn.Time, CachedAt: e.CachedAt.Time}
		}
	}
	return found, found.Secret != ""
}

// Drop removes the owner's access tokens for scopes, so that MSAL asks for a new
// one, and all that have expired.
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

// Merge adds the entries of another state of the same cache, of which the one that
// got an access token last wins where both have an entry.
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

// newest is when the cache's latest access token came.
func (c *Cache) newest() (latest time.Time) {
	for _, raw := range c.sections[accessTokens] {
		var e entry
		if json.Unmarshal(raw, &e) == nil && e.CachedAt.After(latest) {
			latest = e.CachedAt.Time
		}
	}
	return latest
}
