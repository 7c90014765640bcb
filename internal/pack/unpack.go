package pack

import (
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/s2"
)

var errMalformed = errors.New("pack: malformed")

// Unpack returns the content of packed data. For any input, it needs at most a few times the memory of
// the largest content that Pack accepts.
func Unpack(packed []byte) ([]byte, error) {
	p := parser{packed}
	second, ok := p.runs()
	first, alsoOK := p.runs()
	compressed, hasText := p.number(len(packed))
	if !ok || !alsoOK || !hasText || compressed > len(p.rest) {
		return nil, errMalformed
	}
	block, apart := p.rest[:compressed], p.rest[compressed:]
	if length, err := s2.DecodedLen(block); err != nil || length > maxSize {
		return nil, errMalformed
	}
	text, err := dictionary.Decode(nil, block)
	if err != nil {
		return nil, errMalformed
	}
	for _, runs := range [][]run{second, first} {
		if text, apart, err = encode(runs, text, apart); err != nil {
			return nil, err
		}
	}
	if len(apart) > 0 {
		return nil, errMalformed
	}
	return text, nil
}

// encode puts the runs back into text, and returns what is left of apart, which contains the runs that
// are not in the text.
func encode(runs []run, text, apart []byte) (content, rest []byte, err error) {
	size := len(text)
	for _, r := range runs {
		if size += r.groups * group; size > maxSize {
			return nil, nil, errMalformed
		}
	}
	content = make([]byte, 0, size)
	for _, r := range runs {
		if r.gap > len(text) {
			return nil, nil, errMalformed
		}
		content, text = append(content, text[:r.gap]...), text[r.gap:]
		from := &apart
		if r.inText {
			from = &text
		}
		length := r.groups * groupBytes
		if length > len(*from) {
			return nil, nil, errMalformed
		}
		content = base64.RawURLEncoding.AppendEncode(content, (*from)[:length])
		*from = (*from)[length:]
	}
	return append(content, text...), apart, nil
}

// parser reads the numbers of the packed form.
type parser struct{ rest []byte }

func (p *parser) runs() (runs []run, ok bool) {
	count, ok := p.number(len(p.rest))
	if !ok {
		return nil, false
	}
	for range count {
		gap, hasGap := p.number(maxSize)
		length, hasLength := p.number(2 * maxSize)
		if !hasGap || !hasLength {
			return nil, false
		}
		runs = append(runs, run{gap: gap, groups: length >> 1, inText: length&1 == 1})
	}
	return runs, true
}

// number reads a number, and reports whether there is one that is not above the limit.
func (p *parser) number(limit int) (int, bool) {
	number, length := binary.Uvarint(p.rest)
	if length <= 0 || number > uint64(limit) { //nolint:gosec // not negative
		return 0, false
	}
	p.rest = p.rest[length:]
	return int(number), true //nolint:gosec // up to the limit
}
