package flow

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

const (
	// maxTries is how many consecutive sign-ins a page may require.
	maxTries = 3
	// maxStarts is how many consecutive sign-ins that handlers start may lead to a page. It is larger
	// than maxTries, because users may start sign-ins on purpose, and because the library does not know
	// that a page has been shown if the page does not use the user.
	maxStarts = 10
	// TriesLifetime is how long a page that requires a sign-in is recorded, which is a minute longer
	// than a sign-in may take. A completed sign-in is recorded for that minute.
	TriesLifetime     = Lifetime + completedLifetime
	completedLifetime = time.Minute
	// maxPages is how many pages are counted separately.
	maxPages = 12
)

// Tries counts, for each page, sign-ins after which the page immediately required another one:
// completed sign-ins, and sign-ins that led back to the page because the browser had a session. It is
// stored in a small sealed cookie.
type Tries struct{ pages []pageTries }

// pageTries counts the sign-ins of a page, or of a part of a page that a script loads. To is the page
// to which the sign-ins for a part lead.
type pageTries struct {
	Page  string `json:"p"`
	To    string `json:"o,omitempty"`
	Count int    `json:"n"`
	Until int64  `json:"t"`
}

// Exhausted reports whether a page has required too many sign-ins, so that another one would loop.
func (t Tries) Exhausted(to Destination) bool {
	i := t.index(to)
	return i >= 0 && t.pages[i].Count >= maxTries
}

// StartedTooOften reports whether too many sign-ins that handlers have started have led to a page.
func (t Tries) StartedTooOften(to Destination) bool {
	i := t.index(to)
	return i >= 0 && t.pages[i].Count >= maxStarts
}

// Has reports whether a page has required a sign-in.
func (t Tries) Has(to Destination) bool { return t.index(to) >= 0 }

// LeadTo reports whether a page, or parts of it, have required a sign-in.
func (t Tries) LeadTo(to Destination) bool {
	return slices.ContainsFunc(t.pages, func(p pageTries) bool { return p.leadsTo(to) })
}

// Required records that a page requires a sign-in.
func (t Tries) Required(to Destination, now time.Time) Tries {
	return t.with(to, 0, now.Add(TriesLifetime))
}

// RequiredByPart records that a part of a page requires a sign-in, which leads to the page. It is
// recorded separately, because the part may fail even if the page is shown.
func (t Tries) RequiredByPart(part, page Destination, now time.Time) Tries {
	t = t.Required(part, now)
	if part.page != page.page {
		t.pages[len(t.pages)-1].To = page.page
	}
	return t
}

// Completed counts a completed sign-in that a page, or parts of it, have required.
func (t Tries) Completed(to Destination, now time.Time) Tries {
	for _, p := range t.pages {
		if p.leadsTo(to) {
			t = t.with(Destination{page: p.Page}, 1, now.Add(completedLifetime))
		}
	}
	return t
}

// Resumed counts a sign-in that led back to a page without having been completed.
func (t Tries) Resumed(to Destination, now time.Time) Tries {
	if t.LeadTo(to) {
		return t.Completed(to, now)
	}
	return t.with(to, 1, now.Add(completedLifetime))
}

func (p pageTries) leadsTo(to Destination) bool { return p.Page == to.page || p.To == to.page }

// Repeated counts a sign-in that is repeated because claims were missing.
func (t Tries) Repeated(to Destination, now time.Time) Tries {
	return t.with(to, 1, now.Add(TriesLifetime))
}

func (t Tries) with(to Destination, completed int, until time.Time) Tries {
	pages := slices.Clone(t.pages)
	entry := pageTries{Page: to.page}
	if i := t.index(to); i >= 0 {
		entry = pages[i]
		pages = slices.Delete(pages, i, i+1)
	}
	entry.Count, entry.Until = entry.Count+completed, until.Unix()
	pages = append(pages, entry)
	return Tries{pages[max(0, len(pages)-maxPages):]}
}

// Without removes a page, because it has been shown.
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

// TriesName returns the name of the cookie for tries.
func (j *Jar) TriesName() string { return j.tries }

// SealTries returns the cookie for tries.
func (j *Jar) SealTries(t Tries) (Cookie, error) {
	plaintext, err := json.Marshal(t.pages)
	if err != nil {
		return Cookie{}, err
	}
	return Cookie{Name: j.TriesName(), Value: j.sealText(plaintext, j.triesContext())}, nil
}

// OpenTries reads the tries that have not expired from their cookie. If the cookie is unreadable, there
// are none.
func (j *Jar) OpenTries(value string, now time.Time) (t Tries) {
	plaintext, err := j.open(value, j.triesContext())
	if err != nil || json.Unmarshal(plaintext, &t.pages) != nil {
		return Tries{}
	}
	t.pages = slices.DeleteFunc(t.pages, func(p pageTries) bool { return now.Unix() > p.Until })
	return t
}

func (j *Jar) triesContext() []byte {
	return sealed.Context("tries", strings.TrimSuffix(j.prefix, "-"), j.binding[1])
}
