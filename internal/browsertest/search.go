package browsertest

import (
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
)

// search looks for secrets in texts.
type search struct {
	secrets map[string]struct{}
	long    map[uint64][]string // by their first eight bytes
	short   []string
}

func newSearch(secrets []string) *search {
	s := &search{secrets: map[string]struct{}{}, long: map[uint64][]string{}}
	for _, secret := range secrets {
		s.add(secret)
	}
	return s
}

// add adds a secret, unescaped and escaped as in a query.
func (s *search) add(secret string) {
	for _, form := range []string{secret, url.QueryEscape(secret)} {
		if _, found := s.secrets[form]; found || form == "" {
			continue
		}
		s.secrets[form] = struct{}{}
		if len(form) < 8 {
			s.short = append(s.short, form)
		} else {
			s.long[start(form)] = append(s.long[start(form)], form)
		}
	}
}

// few is the number of secrets up to which one search for each of them is faster.
const few = 200

// in returns descriptions of the secrets that are in a text.
func (s *search) in(place, text string) (leaks []string) {
	found := map[string]struct{}{}
	if len(s.secrets) <= few {
		for secret := range s.secrets {
			if strings.Contains(text, secret) {
				found[secret] = struct{}{}
			}
		}
	} else {
		s.onePass(text, found)
	}
	for secret := range found {
		leaks = append(leaks, fmt.Sprintf("a secret, %.12s…, is in %s: %s", secret, place, excerpt(text, secret)))
	}
	return leaks
}

// onePass reads a text once for all secrets, because some tests have megabytes of text and
// thousands of tokens.
func (s *search) onePass(text string, found map[string]struct{}) {
	for i := 0; i+8 <= len(text); i++ {
		for _, secret := range s.long[start(text[i:])] {
			if strings.HasPrefix(text[i:], secret) {
				found[secret] = struct{}{}
			}
		}
	}
	for _, secret := range s.short {
		if strings.Contains(text, secret) {
			found[secret] = struct{}{}
		}
	}
}

// excerpt returns the text around a secret.
func excerpt(text, secret string) string {
	at := strings.Index(text, secret)
	return fmt.Sprintf("%q", text[max(0, at-60):min(len(text), at+len(secret)+60)])
}

func start(text string) uint64 { return binary.LittleEndian.Uint64([]byte(text[:8])) }
