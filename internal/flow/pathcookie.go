package flow

import (
	"strconv"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// pathSlots are the sizes of the cookies that keep paths. If more attempts need one, the others lead
// home. With a fixed number, tabs that are opened at once cannot exceed the header (threat D15): proxies
// such as nginx have, by default, 8 kB for all cookies of a request, and answer 400 to more. One
// cookie must be below 4,096 bytes, because browsers ignore larger ones.
var pathSlots = [...]int{3200, 1900, 1900}

const (
	// PathLifetime is how long a path is kept. It is longer than [Lifetime], because the sign-in of
	// a user who takes too long starts again for the same page.
	PathLifetime = time.Hour
	// packedPath is the length from which on a path is compressed.
	packedPath = 1200
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

// slots returns all slots, and first those whose cookie the request does not have.
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

// sealPath writes the path of an attempt's destination to the cookie of a slot, or returns nil if it is
// too long.
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
