package flow

import (
	"strconv"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

const (
	// pathSlots is how many paths are kept in cookies. If more attempts need one, the others lead
	// home. With a fixed number, tabs that are opened at once cannot exceed the header (threat D15).
	pathSlots = 3
	// maxPathCookie limits one cookie, because browsers ignore those over 4,096 bytes, and Fiber's
	// buffer for a header should have 16 kB.
	maxPathCookie = 3600
	// PathLifetime is how long a path is kept. It is longer than [Lifetime], because the sign-in of
	// a user who takes too long starts again for the same page.
	PathLifetime = time.Hour
)

// OwnsPath reports whether a name is that of a cookie for a path.
func (j *Jar) OwnsPath(name string) bool {
	for slot := range pathSlots {
		if name == j.pathName(slot+1) {
			return true
		}
	}
	return false
}

func (j *Jar) pathName(slot int) string { return j.paths + strconv.Itoa(slot) }

// freeSlot returns a slot whose cookie the request does not have, or any.
func (j *Jar) freeSlot(a *Attempt, hasCookie func(name string) bool) int {
	first := int(a.owner[0])
	for i := range pathSlots {
		if slot := (first+i)%pathSlots + 1; hasCookie != nil && !hasCookie(j.pathName(slot)) {
			return slot
		}
	}
	return first%pathSlots + 1
}

// sealPath writes the path of an attempt's destination to a cookie, or returns nil if it is too long.
func (j *Jar) sealPath(a *Attempt, slot int) *Cookie {
	name := j.pathName(slot)
	c := &Cookie{Name: name, Value: j.sealText(packed([]byte(a.to.Path()), maxPathCookie/2), j.pathContext(a, name))}
	if c.size() > maxPathCookie {
		return nil
	}
	return c
}

// openPath returns the path of an attempt's destination, or "" if its cookie is lost.
func (j *Jar) openPath(a *Attempt, slot int, cookie func(name string) (value string, ok bool)) string {
	name := j.pathName(slot)
	value, ok := cookie(name)
	if !ok {
		return ""
	}
	plaintext, err := j.open(value, j.pathContext(a, name))
	if err != nil {
		return "" // that of another attempt
	}
	path, err := unpacked(plaintext)
	if err != nil {
		return ""
	}
	a.cookie = &Cookie{name, value}
	return string(path)
}

// pathContext binds a path to the attempt that leads there.
func (j *Jar) pathContext(a *Attempt, name string) []byte {
	return sealed.Context(append([]string{name, a.id}, j.binding...)...)
}
