package flow

import (
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
	// maxPages is how many pages are kept apart.
	maxPages = 12
)

// Tries counts, for each page, the sign-ins that have been completed and have not
// helped: the page asked for another one at once. They travel in one small sealed
// cookie, with the attributes of the attempt's: who does not keep it completes no
// sign-in and so comes to no second round.
type Tries struct{ pages []pageTries }

type pageTries struct {
	Page  string `json:"p"`
	Count int    `json:"n"`
	Until int64  `json:"t"`
}

// Exhausted reports whether another sign-in for a page would go round in circles.
func (t Tries) Exhausted(to Destination) bool {
	i := t.index(to)
	return i >= 0 && t.pages[i].Count >= maxTries
}

// Has reports whether a page has sent its user to sign in.
func (t Tries) Has(to Destination) bool { return t.index(to) >= 0 }

// Asked notes that a page sends its user to sign in.
func (t Tries) Asked(to Destination, now time.Time) Tries {
	return t.noted(to, 0, now.Add(TriesLifetime))
}

// Completed counts a sign-in that a page has asked for.
func (t Tries) Completed(to Destination, now time.Time) Tries {
	return t.noted(to, 1, now.Add(countedFor))
}

// Repeated counts a sign-in that Entra made incomplete, and that is begun again.
func (t Tries) Repeated(to Destination, now time.Time) Tries {
	return t.noted(to, 1, now.Add(TriesLifetime))
}

func (t Tries) noted(to Destination, more int, until time.Time) Tries {
	pages := slices.Clone(t.pages)
	entry := pageTries{Page: to.page}
	if i := t.index(to); i >= 0 {
		entry = pages[i]
		pages = slices.Delete(pages, i, i+1)
	}
	entry.Count, entry.Until = entry.Count+more, until.Unix()
	pages = append(pages, entry)
	return Tries{pages[max(0, len(pages)-maxPages):]}
}

// Without forgets a page, because it has been shown.
func (t Tries) Without(to Destination) Tries {
	pages := slices.Clone(t.pages)
	if i := t.index(to); i >= 0 {
		pages = slices.Delete(pages, i, i+1)
	}
	return Tries{pages}
}

// IsEmpty reports whether no page is counted.
func (t Tries) IsEmpty() bool { return len(t.pages) == 0 }

func (t Tries) index(to Destination) int {
	return slices.IndexFunc(t.pages, func(p pageTries) bool { return p.Page == to.page })
}

// TriesName is the name of the cookie with the tries.
func (j *Jar) TriesName() string { return j.tries }

// SealTries puts tries into their cookie.
func (j *Jar) SealTries(t Tries) (Cookie, error) {
	plaintext, err := json.Marshal(t.pages)
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
	if err != nil || json.Unmarshal(plaintext, &t.pages) != nil {
		return Tries{}
	}
	t.pages = slices.DeleteFunc(t.pages, func(p pageTries) bool { return now.Unix() > p.Until })
	return t
}

func (j *Jar) triesContext() []byte {
	return sealed.Context("tries", strings.TrimSuffix(j.prefix, "-"), j.binding[1])
}
