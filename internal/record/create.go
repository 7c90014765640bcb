package record

import (
	"context"
	"time"
)

// maxMarkReads is how often the marks are read if it is unclear whether a mark or the record is older,
// because the difference is less than a round trip. The fastest round trip decides, so several late replies
// on a busy machine do no harm.
const maxMarkReads = 12

// Creation is a new session's content and the properties by which it is found.
type Creation struct {
	Session, Tokens []byte
	TTL             time.Duration
	// Until, Max and Labels are the parameters of Enlist.
	Until  time.Time
	Max    int
	Labels []Label
	// Own are labels that this session probably does not share with other sessions. Mark is not called
	// with them.
	Own []Label
	// Began is when the sign-in began, by this process's monotonic clock. The session is refused if one
	// of the labels, or its shard alone or together with one of the scopes, has been marked since then.
	Began  time.Time
	Scopes []Label
}

// Create writes a new session's records, enlists the session, and returns the result of Enlist. It
// writes the tokens first, so that no request finds a session without tokens. If the TTL is not
// positive, it creates nothing. It returns [ErrEnded] if the session was ended before it began; the
// caller must then remove the records.
func (s *Store) Create(ctx context.Context, name string, c *Creation) (excess []string, err error) {
	if c.TTL <= 0 {
		return nil, nil
	}
	if time.Since(c.Began) >= MarkTTL {
		return nil, ErrEnded // a mark may have expired in the meantime
	}
	var entries []Entry
	if len(c.Tokens) > 0 { // storages ignore empty values (threat E10)
		entries = append(entries, Entry{s.key(name, Tokens), s.seal(name, Tokens, c.Tokens)})
	}
	entries = append(entries, Entry{s.key(name, Session), s.seal(name, Session, c.Session)})
	p := &BeginParams{
		TTL: atLeastASecond(c.TTL), Entries: entries, Name: name, Until: c.Until, Lists: s.listsOfNew(name, c),
	}
	sent := time.Since(c.Began)
	result, err := s.backend.Begin(ctx, p)
	if err == nil {
		err = s.checkMarks(ctx, c.Began, sent, result.Marked, p.Marks())
	}
	return result.Excess, err
}

// checkMarks returns [ErrEnded] if a mark may have been put after the record began. sent is the age of
// the record when the request was sent, and marked is the mark's age at some time between the request
// and now. A record is refused unless it is certainly younger than the mark, however long the reply
// took.
func (s *Store) checkMarks(ctx context.Context, began time.Time, sent, marked time.Duration, marks []string) (err error) {
	for reads := 1; ; reads++ {
		age := time.Since(began)
		switch {
		case age >= MarkTTL:
			return ErrEnded
		case marked >= age:
			return nil
		case marked < sent || reads == maxMarkReads:
			return ErrEnded
		}
		sent = time.Since(began)
		if marked, err = s.backend.Marked(ctx, marks...); err != nil {
			return err
		}
	}
}
