package phrases

// Language is a language of the pages.
type Language struct {
	// Tag is its BCP 47 tag, and Direction that of its script, for the HTML attributes lang and dir.
	Tag, Direction string

	ranges []string // of Accept-Language in lower case that it satisfies, with all that begin with them and a hyphen
	except []string // ranges that it does not satisfy although they begin so
	texts  *catalogue
}

// Text returns a text.
func (l *Language) Text(k Key) string { return l.texts[k] }
