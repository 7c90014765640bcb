package phrases

// Language is a language of the pages.
type Language struct {
	// Tag is its BCP 47 tag, and Direction that of its script, for the HTML attributes lang and dir.
	Tag, Direction string

	// ranges are the ranges of Accept-Language, in lower case, that the language satisfies. It also
	// satisfies ranges that begin with one of them and a hyphen, unless they are in except.
	ranges, except []string
	texts          *catalogue
}

// Text returns a text.
func (l *Language) Text(k Key) string { return l.texts[k] }
