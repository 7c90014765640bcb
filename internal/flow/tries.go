package flow

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

const (
	// maxTries is how often in a row a page may send its user to sign in.
	maxTries = 3
	// TriesLifetime is how long they are counted: a minute longer than a sign-in may
	// take, and than one has taken.
	TriesLifetime = Lifetime + countedFor
	countedFor    = time.Minute
	// maxPaths is how many pages are kept apart.
	maxPaths = 12
)

// Tries counts, for each page, the sign-ins that have been completed and have not
// helped: the page asked for another one at once. They travel in one small sealed
// cookie.
type Tries struct{ paths []pathTries }

type pathTries struct {
	Path  string `json:"p"` // a short hash
	Count int    `json:"n"`
	Until int64  `json:"t"`
}

func shortHash(path string) string {
	sum := sha256.Sum256([]byte(path))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// Exhausted reports whether another sign-in for a page would go round in circles.
func (t Tries) Exhausted(path string) bool {
	i := t.index(path)
	return i >= 0 && t.paths[i].Count >= maxTries
}

// Has reports whether a page has sent its user to sign in.
func (t Tries) Has(path string) bool { return t.index(path) >= 0 }

// Asked notes that a page sends its user to sign in.
func (t Tries) Asked(path string, now time.Time) Tries {
	return t.noted(path, 0, now.Add(TriesLifetime))
}

// Completed counts a sign-in that a page has asked for.
func (t Tries) Completed(path string, now time.Time) Tries {
	return t.noted(path, 1, now.Add(countedFor))
}

func (t Tries) noted(path string, more int, until time.Time) Tries {
	paths := slices.Clone(t.paths)
	entry := pathTries{Path: shortHash(path)}
	if i := t.index(path); i >= 0 {
		entry = paths[i]
		paths = slices.Delete(paths, i, i+1)
	}
	entry.Count, entry.Until = entry.Count+more, until.Unix()
	paths = append(paths, entry)
	return Tries{paths[max(0, len(paths)-maxPaths):]}
}

// Without forgets a page, because it has been shown.
func (t Tries) Without(path string) Tries {
	paths := slices.Clone(t.paths)
	if i := t.index(path); i >= 0 {
		paths = slices.Delete(paths, i, i+1)
	}
	return Tries{paths}
}

// IsEmpty reports whether no page is counted.
func (t Tries) IsEmpty() bool { return len(t.paths) == 0 }

func (t Tries) index(path string) int {
	hash := shortHash(path)
	return slices.IndexFunc(t.paths, func(p pathTries) bool { return p.Path == hash })
}

// TriesName is the name of the cookie with the tries.
func (j *Jar) TriesName() string { return j.prefix + "tries" }

// SealTries puts tries into their cookie.
func (j *Jar) SealTries(t Tries) (Cookie, error) {
	plaintext, err := json.Marshal(t.paths)
	if err != nil {
		return Cookie{}, err
	}
	box := j.ring.Seal(plaintext, j.triesContext())
	return Cookie{Name: j.TriesName(), Value: base64.RawURLEncoding.EncodeToString(box)}, nil
}

// OpenTries takes the tries that still count out of their cookie. An unreadable one
// has none.
func (j *Jar) OpenTries(value string, now time.Time) (t Tries) {
	box, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil {
		return Tries{}
	}
	plaintext, err := j.ring.Open(box, j.triesContext())
	if err != nil || json.Unmarshal(plaintext, &t.paths) != nil {
		return Tries{}
	}
	t.paths = slices.DeleteFunc(t.paths, func(p pathTries) bool { return now.Unix() > p.Until })
	return t
}

func (j *Jar) triesContext() []byte {
	return sealed.Context("tries", strings.TrimSuffix(j.prefix, "-"), j.binding[1])
}
