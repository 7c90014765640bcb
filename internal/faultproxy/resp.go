package faultproxy

import (
	"bytes"
	"strconv"
)

// scanner finds the ends of messages of RESP2 and RESP3 in a stream.
type scanner struct {
	inside  bool
	missing int    // values until the end of the message
	skip    int    // bytes until the end of the value
	line    []byte // the beginning of an incomplete line
}

// next returns how many bytes of p belong to the current message, and whether it ends
// with them.
func (s *scanner) next(p []byte) (n int, end bool) {
	if !s.inside && len(p) > 0 {
		s.inside, s.missing = true, 1
	}
	for n < len(p) {
		if s.skip > 0 {
			step := min(s.skip, len(p)-n)
			s.skip -= step
			n += step
		} else {
			eol := bytes.IndexByte(p[n:], '\n')
			if eol < 0 {
				s.line = append(s.line, p[n:]...)
				return len(p), false
			}
			line := p[n : n+eol+1]
			if len(s.line) > 0 {
				line = append(s.line, line...)
				s.line = s.line[:0]
			}
			s.head(line)
			n += eol + 1
		}
		if s.missing == 0 && s.skip == 0 {
			s.inside = false
			return n, true
		}
	}
	return n, false
}

// head reads the first line of a value.
func (s *scanner) head(line []byte) {
	s.missing--
	size, err := strconv.Atoi(string(bytes.TrimSpace(line[1:])))
	if err != nil || size < 0 {
		return // text, or null
	}
	switch line[0] {
	case '$', '=', '!':
		s.skip = size + len("\r\n")
	case '*', '~', '>':
		s.missing += size
	case '%':
		s.missing += 2 * size
	case '|': // attributes of the value that follows
		s.missing += 2*size + 1
	}
}

// arguments returns the arguments of a command, which is an array of strings.
func arguments(message []byte) []string {
	var args []string
	for _, rest, ok := bytes.Cut(message, []byte("\r\n")); ok && len(rest) > 0; {
		var head []byte
		head, rest, ok = bytes.Cut(rest, []byte("\r\n"))
		if !ok || len(head) == 0 || head[0] != '$' {
			break
		}
		size, err := strconv.Atoi(string(head[1:]))
		if err != nil || size < 0 || size+2 > len(rest) {
			break
		}
		args = append(args, string(rest[:size]))
		rest = rest[size+2:]
	}
	return args
}
