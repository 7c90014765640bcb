package flow

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

const (
	// maxPathCookie limits one cookie, because browsers ignore those over 4,096 bytes.
	maxPathCookie = 3800
	// maxPathCookies limits all of them together, which only the library's routes receive.
	maxPathCookies = 4800
)

// OwnsPath reports whether a name is that of a cookie with an attempt's path.
func (j *Jar) OwnsPath(name string) bool {
	return len(name) == len(j.paths)+suffixSize && strings.HasPrefix(name, j.paths)
}

func (j *Jar) pathName(a *Attempt) string { return j.paths + a.id[:suffixSize] }

// sealPath writes the path of an attempt's destination to a cookie, or returns nil if it is too long.
func (j *Jar) sealPath(a *Attempt) *Cookie {
	plaintext := binary.BigEndian.AppendUint64(nil, uint64(a.startedAt.Unix())) //nolint:gosec // openPathCookie reverses it
	plaintext = append(plaintext, packed([]byte(a.to.Path()))...)
	name := j.pathName(a)
	c := &Cookie{Name: name, Value: encode(j.ring.Seal(plaintext, j.cookieContext(name)))}
	if c.size() > maxPathCookie {
		return nil
	}
	return c
}

// openPath returns the path of an attempt's destination, or "" if its cookie is lost.
func (j *Jar) openPath(a *Attempt, cookie func(name string) (value string, ok bool)) string {
	name := j.pathName(a)
	value, ok := cookie(name)
	if !ok {
		return ""
	}
	a.cookie = &Cookie{name, value}
	path, _, _ := j.openPathCookie(*a.cookie)
	return path
}

func (j *Jar) openPathCookie(c Cookie) (path string, startedAt time.Time, ok bool) {
	ciphertext, err := decode(c.Value)
	if err != nil {
		return "", time.Time{}, false
	}
	plaintext, err := j.ring.Open(ciphertext, j.cookieContext(c.Name))
	if err != nil || len(plaintext) < 8 {
		return "", time.Time{}, false
	}
	content, err := unpacked(plaintext[8:])
	if err != nil {
		return "", time.Time{}, false
	}
	return string(content), time.Unix(int64(binary.BigEndian.Uint64(plaintext)), 0), true //nolint:gosec // as sealPath wrote it
}

// Evict returns the names of the cookies that must be removed to make room for another one: the
// oldest ones. Cookies that do not open may be another app's and are left alone.
func (j *Jar) Evict(present []Cookie, next Cookie) (names []string) {
	type entry struct {
		Cookie

		startedAt time.Time
	}
	var mine []entry
	total := next.size()
	for _, c := range present {
		if _, startedAt, ok := j.openPathCookie(c); ok {
			mine = append(mine, entry{c, startedAt})
			total += c.size()
		}
	}
	slices.SortStableFunc(mine, func(x, y entry) int { return x.startedAt.Compare(y.startedAt) })
	for _, oldest := range mine {
		if total <= maxPathCookies {
			break
		}
		names = append(names, oldest.Name)
		total -= oldest.size()
	}
	return names
}
