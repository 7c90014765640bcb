package pack

import (
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/s2"
)

var errMalformed = errors.New("pack: malformed")

// Unpack returns packed content. Whatever it is given, it takes no more memory than the largest content
// that is packed.
func Unpack(packed []byte) ([]byte, error) {
	p := parser{packed}
	count, ok := p.number(len(packed))
	runs, size := make([]run, 0, min(count, 16)), 0
	for range count {
		gap, hasGap := p.number(maxSize)
		length, hasLength := p.number(2 * maxSize)
		r := run{gap: gap, groups: length >> 1, inText: length&1 == 1}
		size += gap + r.groups*group
		if !hasGap || !hasLength || size > maxSize {
			return nil, errMalformed
		}
		runs = append(runs, r)
	}
	compressed, hasText := p.number(len(p.rest))
	if !ok || !hasText || compressed > len(p.rest) {
		return nil, errMalformed
	}
	block, apart := p.rest[:compressed], p.rest[compressed:]
	if length, err := s2.DecodedLen(block); err != nil || length > maxSize {
		return nil, errMalformed
	}
	text, err := s2.Decode(nil, block)
	if err != nil {
		return nil, errMalformed
	}
	return join(runs, size, text, apart)
}

// join puts the runs back into the text. size is that of the runs with the text before them.
func join(runs []run, size int, text, apart []byte) ([]byte, error) {
	content := make([]byte, 0, min(size+len(text), maxSize))
	for _, r := range runs {
		if r.gap > len(text) {
			return nil, errMalformed
		}
		content, text = append(content, text[:r.gap]...), text[r.gap:]
		from := &apart
		if r.inText {
			from = &text
		}
		length := r.groups * groupBytes
		if length > len(*from) {
			return nil, errMalformed
		}
		content = base64.RawURLEncoding.AppendEncode(content, (*from)[:length])
		*from = (*from)[length:]
	}
	if len(apart) > 0 || len(content)+len(text) > maxSize {
		return nil, errMalformed
	}
	return append(content, text...), nil
}

// parser reads the numbers of the packed form.
type parser struct{ rest []byte }

// number reads a number, and reports whether there is one up to the limit.
func (p *parser) number(limit int) (int, bool) {
	number, length := binary.Uvarint(p.rest)
	if length <= 0 || number > uint64(limit) { //nolint:gosec // not negative
		return 0, false
	}
	p.rest = p.rest[length:]
	return int(number), true //nolint:gosec // up to the limit
}
