package flow

import (
	"strconv"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// pathSlots are the sizes of the cookies that contain paths. If more attempts need such a cookie, the
// others return to the home page. The number is fixed, so that tabs that are opened together cannot
// exceed the limit for headers (threat D15): proxies such as nginx allow, by default, 8 kB for all
// cookies of a request and respond with 400 to more. Each cookie must be smaller than 4,096 bytes,
// because browsers ignore larger ones.
var pathSlots = [...]int{3200, 1900, 1900}

const (
	// PathLifetime is how long a path is kept. It is longer than [Lifetime], because if a user takes
	// too long, the sign-in starts again for the same page.
	PathLifetime = time.Hour
	// packedPath is the length above which a path is compressed.
	packedPath = 1200
)

// OwnsPath reports whether a cookie with this name contains a path.
func (j *Jar) OwnsPath(name string) bool {
	for slot := range pathSlots {
		if name == j.pathName(slot+1) {
			return true
		}
	}
	return false
}

func (j *Jar) pathName(slot int) string { return j.paths + strconv.Itoa(slot) }

// slots returns all slots, beginning with those whose cookie is not in the request.
func (j *Jar) slots(a *Attempt, hasCookie func(name string) bool) (slots []int) {
	var used []int
	for i := range pathSlots {
		slot := (int(a.owner[0])+i)%len(pathSlots) + 1
		if hasCookie == nil || hasCookie(j.pathName(slot)) {
			used = append(used, slot)
		} else {
			slots = append(slots, slot)
		}
	}
	return append(slots, used...)
}

// sealPath returns a slot and its cookie with the path of an attempt's destination, or nil if the path
// is too long.
func (j *Jar) sealPath(a *Attempt, hasCookie func(name string) bool) (slot int, c *Cookie) {
	path := packed([]byte(a.to.Path()), packedPath)
	for _, slot := range j.slots(a, hasCookie) {
		name := j.pathName(slot)
		c := &Cookie{Name: name, Value: j.sealText(path, j.pathContext(a, name))}
		if c.size() <= pathSlots[slot-1] {
			return slot, c
		}
	}
	return 0, nil
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
		return "" // the cookie belongs to another attempt
	}
	path, err := unpacked(plaintext)
	if err != nil {
		return ""
	}
	a.cookie = &Cookie{name, value}
	return string(path)
}

// pathContext binds a path to its attempt.
func (j *Jar) pathContext(a *Attempt, name string) []byte {
	return sealed.Context(append([]string{name, a.id}, j.binding...)...)
}
