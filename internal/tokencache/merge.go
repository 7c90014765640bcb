package tokencache

// Merge adds the entries of another state of the same cache. If both have an entry, that of
// the state with the latest access token is kept.
func (c *Cache) Merge(other *Cache) {
	newer := other.newest().After(c.newest())
	for name, entries := range other.sections {
		own := c.section(name)
		for key, raw := range entries {
			if _, present := own[key]; !present || newer {
				own[key] = raw
			}
		}
	}
}

// section returns the entries of a section, which it makes if there is none. It takes the place of a member of
// another type, because a reader of both would use the last one.
func (c *Cache) section(name string) section {
	if c.sections == nil {
		c.sections = map[string]section{}
	}
	if c.sections[name] == nil {
		c.sections[name] = section{}
		delete(c.rest, name)
	}
	return c.sections[name]
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
	return c.Bytes(), nil
}

// handed are the sections that MSAL needs for a new token. It decodes and encodes every entry by
// reflection, and id_tokens and other access tokens are most of a cache.
var handed = []string{refreshTokens, appMetadata}

// Handed encodes what MSAL needs to request a new token of the cache's account.
func (c *Cache) Handed() []byte {
	part := &Cache{sections: map[string]section{}}
	for _, name := range handed {
		if entries, ok := c.sections[name]; ok {
			part.sections[name] = entries
		}
	}
	return part.Bytes()
}

// Return replaces what was handed to MSAL by the cache that MSAL has made of it, and adds what that
// has besides.
func (c *Cache) Return(from *Cache) {
	for _, name := range handed {
		delete(c.sections, name)
	}
	for name, entries := range from.sections {
		own := c.section(name)
		for key, raw := range entries {
			own[key] = raw
		}
	}
}
