package pack

import "encoding/base64"

const (
	// minRun is the minimum length of a run of base64 that is always decoded. Names and GUIDs with
	// hyphens, which may repeat, are shorter.
	minRun = 160
	// minText is the minimum length of a run that is decoded if it encodes text.
	minText = 40
	// group is a group of characters in base64, and groupBytes are the bytes that it encodes.
	group, groupBytes = 4, 3
)

// run is a run of base64 in content.
type run struct {
	gap    int // text before it
	groups int
	inText bool // whether it encodes text
}

// decoded is content whose runs of base64 are decoded.
type decoded struct {
	text, apart []byte
	runs        []run
}

func (d *decoded) decode(content []byte) {
	d.text, d.apart, d.runs = d.text[:0], d.apart[:0], d.runs[:0]
	gap := 0
	for {
		begin, end := findRun(content)
		d.text, gap = append(d.text, content[:begin]...), gap+begin
		if begin == end {
			return
		}
		length := (end - begin) / group * group
		encoded, whole := content[begin:begin+length], len(d.apart)
		d.apart, _ = base64.RawURLEncoding.AppendDecode(d.apart, encoded) // a run has only characters of base64
		r := run{gap: gap, groups: length / group, inText: isText(d.apart[whole:])}
		content = content[begin+length:]
		switch {
		case r.inText:
			d.text = append(d.text, d.apart[whole:]...)
			d.apart = d.apart[:whole]
		case length < minRun:
			d.text, d.apart, gap = append(d.text, encoded...), d.apart[:whole], gap+length
			continue
		}
		d.runs, gap = append(d.runs, r), 0
	}
}

// findRun returns the beginning and the end of the first run, or the end of the content for both if
// there is none. It checks the characters of a possible run backwards from the minimum length, so it
// reads only a few of the characters outside runs.
func findRun(content []byte) (begin, end int) {
	for begin+minText <= len(content) {
		i := begin + minText
		for i > begin && isBase64[content[i-1]] {
			i--
		}
		if i == begin {
			for end = begin + minText; end < len(content) && isBase64[content[end]]; {
				end++
			}
			return begin, end
		}
		begin = i
	}
	return len(content), len(content)
}

// isBase64 are the characters of base64url.
var isBase64 = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
	}
	return is
}()

// isText reports whether bytes are text. Random bytes, unlike text, contain control characters.
func isText(bytes []byte) bool {
	for _, c := range bytes {
		if c < ' ' {
			return false
		}
	}
	return true
}
