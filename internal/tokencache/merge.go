package tokencache

// Merge adds the entries of another state of the same cache. If both states have an entry with the same
// key, the one from the state with the newest access token is kept.
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

// section returns the entries of a section, which it adds if there is none. The section replaces a
// member of the same name and another type, because a parser that found both would use the last one.
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

// Merged is like Merge, but for serialized caches.
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

// handed are the sections that MSAL needs to request a new token. The others are left out, because
// id_tokens and access tokens are most of a cache, and MSAL decodes and encodes every entry by
// reflection.
var handed = []string{refreshTokens, appMetadata}

// Handed encodes the sections that MSAL needs to request a new token for the cache's account.
func (c *Cache) Handed() []byte {
	part := &Cache{sections: map[string]section{}}
	for _, name := range handed {
		if entries, ok := c.sections[name]; ok {
			part.sections[name] = entries
		}
	}
	return part.Bytes()
}

// Return replaces the sections that Handed encoded by those of from, which is the cache that MSAL has
// produced from them, and adds the other entries of from.
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
