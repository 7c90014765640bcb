package rawjson

import (
	"encoding/binary"
	"math/bits"
)

// maxDepth is the maximum nesting depth of values, as in encoding/json.
const maxDepth = 10_000

// scanner reads a document from the beginning to the end. Each method reports whether the expected
// element follows, and if so moves past it.
type scanner struct {
	document []byte
	at       int
	depth    int
}

func (s *scanner) space() {
	for s.at < len(s.document) {
		switch s.document[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *scanner) take(c byte) bool {
	if s.at < len(s.document) && s.document[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) value() bool {
	if s.at == len(s.document) {
		return false
	}
	switch s.document[s.at] {
	case '"':
		return s.text()
	case '{':
		return s.object(nil)
	case '[':
		return s.array()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

// object calls member, unless that is nil, with each member of the object.
func (s *scanner) object(member func(name, value []byte)) bool {
	if !s.take('{') || !s.deeper() {
		return false
	}
	defer s.higher()
	s.space()
	if s.take('}') {
		return true
	}
	for {
		s.space()
		begin := s.at
		if !s.text() {
			return false
		}
		name := s.document[begin:s.at]
		s.space()
		if !s.take(':') {
			return false
		}
		s.space()
		begin = s.at
		if !s.value() {
			return false
		}
		if member != nil {
			member(unquoted(name), s.document[begin:s.at:s.at])
		}
		s.space()
		if s.take('}') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

func (s *scanner) array() bool {
	if !s.take('[') || !s.deeper() {
		return false
	}
	defer s.higher()
	s.space()
	if s.take(']') {
		return true
	}
	for {
		s.space()
		if !s.value() {
			return false
		}
		s.space()
		if s.take(']') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

func (s *scanner) deeper() bool { s.depth++; return s.depth <= maxDepth }
func (s *scanner) higher()      { s.depth-- }

func (s *scanner) word(word string) bool {
	if end := s.at + len(word); end <= len(s.document) && string(s.document[s.at:end]) == word {
		s.at = end
		return true
	}
	return false
}

func (s *scanner) text() bool {
	if !s.take('"') {
		return false
	}
	for {
		s.at = textEnd(s.document, s.at)
		if s.take('"') {
			return true
		}
		if !s.take('\\') || !s.escaped() {
			return false // the end of the document, or a control character
		}
	}
}

// escaped moves past the rest of an escape sequence after its backslash.
func (s *scanner) escaped() bool {
	if s.at == len(s.document) {
		return false
	}
	c := s.document[s.at]
	s.at++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if s.at == len(s.document) || !isHex(s.document[s.at]) {
				return false
			}
			s.at++
		}
		return true
	}
	return false
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func (s *scanner) number() bool {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return false
	}
	if s.take('.') && !s.digits() {
		return false
	}
	if !s.take('e') && !s.take('E') {
		return true
	}
	if !s.take('+') {
		s.take('-')
	}
	return s.digits()
}

func (s *scanner) digits() bool {
	begin := s.at
	for s.at < len(s.document) && s.document[s.at] >= '0' && s.document[s.at] <= '9' {
		s.at++
	}
	return s.at > begin
}

// eachByte has a 1 in each byte, and topBits has the highest bit of each.
const (
	eachByte = 0x0101010101010101
	topBits  = 0x80 * eachByte
)

// textEnd returns the index of the first byte from at on that has a special meaning in a string, which
// is a quote, a backslash or a control character. It returns the length of text if there is none. It
// processes eight bytes at a time, because the tokens in a cache are long.
func textEnd(text []byte, at int) int {
	for ; at+8 <= len(text); at += 8 {
		if found := special(binary.LittleEndian.Uint64(text[at:])); found != 0 {
			return at + bits.TrailingZeros64(found)/8
		}
	}
	for at < len(text) && text[at] != '"' && text[at] != '\\' && text[at] >= ' ' {
		at++
	}
	return at
}

// special sets the top bit of each of eight bytes at which a text may end, and clears all other bits up
// to that of the first such byte.
func special(eight uint64) uint64 {
	quote, backslash := eight^('"'*eachByte), eight^('\\'*eachByte)
	// Each of the first two terms sets the top bit of bytes that are zero, and the last one that of
	// bytes below a space. Borrows make only the bytes above the first match wrong.
	return ((quote-eachByte)&^quote | (backslash-eachByte)&^backslash | (eight-' '*eachByte)&^eight) & topBits
}

// isPlain reports whether every JSON parser reads a text in quotes as exactly this text.
func isPlain(text []byte) bool {
	at := 0
	for ; at+8 <= len(text); at += 8 {
		if eight := binary.LittleEndian.Uint64(text[at:]); special(eight)|eight&topBits != 0 {
			return false
		}
	}
	for _, c := range text[at:] {
		if c == '"' || c == '\\' || c < ' ' || c >= 0x80 {
			return false
		}
	}
	return true
}
