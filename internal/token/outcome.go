package token

import (
	"encoding/json"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/tokencache"
)

// outcome is the stored result of on-behalf-of calls for an assertion: the last token and, if the last
// call failed, the failure. Its JSON is a stored format.
type outcome struct {
	Token     string    `json:"token,omitempty"`
	ExpiresOn time.Time `json:"expires_on,omitzero"`
	RefreshOn time.Time `json:"refresh_on,omitzero"`
	At        time.Time `json:"at,omitzero"`

	// The failure: the kind of the error, and until when it is in effect.
	Code   string    `json:"code,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Scopes []string  `json:"scopes,omitempty"`
	Claims string    `json:"claims,omitempty"`
	Until  time.Time `json:"until,omitzero"`
}

// sharedFailures are the kinds of failures that are shared with other instances.
var sharedFailures = map[string]*autherr.Kind{
	autherr.LoginRequired.Code():   autherr.LoginRequired,
	autherr.ConsentRequired.Code(): autherr.ConsentRequired,
	autherr.ClaimsChallenge.Code(): autherr.ClaimsChallenge,
	autherr.Unavailable.Code():     autherr.Unavailable,
}

// failed returns the outcome after a failure. It keeps the token, which other instances may use until
// it expires. It is empty if the failure concerns only this instance.
func (o outcome) failed(err error) outcome {
	e, ok := autherr.Find(err)
	if !ok || sharedFailures[e.Code] == nil || e.Code == autherr.Unavailable.Code() && e.Reason != autherr.ReasonEntraBusy {
		return outcome{}
	}
	o.Code, o.Reason, o.Until = e.Code, e.Reason, time.Now().Add(pauseAfter(e))
	o.Scopes, o.Claims = nil, ""
	if r := autherr.Requirements(e); r != nil {
		o.Scopes, o.Claims = r.Scopes, r.Claims
	}
	return o
}

// failure returns the error of an outcome.
func (o outcome) failure() error {
	kind := sharedFailures[o.Code]
	switch {
	case kind == nil: // stored by another version
		return autherr.TryLater(o.Reason, nil)
	case kind == autherr.Unavailable:
		e := kind.New(o.Reason, nil)
		e.RetryAfter = max(time.Until(o.Until), time.Second)
		return e
	case o.Scopes == nil && o.Claims == "":
		return kind.New(o.Reason, nil)
	}
	return kind.Requiring(o.Reason, nil, flow.Requirements{Scopes: o.Scopes, Claims: o.Claims})
}

// life returns how long to store the outcome, which is never beyond the expiry of the assertion.
func (o outcome) life(q *Request) time.Duration {
	until := o.ExpiresOn
	if o.Until.After(until) {
		until = o.Until
	}
	if end := q.session.User.ExpiresAt; until.After(end) {
		until = end
	}
	return time.Until(until)
}

// token returns the token. If it expires with the assertion, it is not renewed early, because another
// token would not be usable for longer.
func (o outcome) token(q *Request) tokencache.Token {
	t := tokencache.Token{Secret: o.Token, ExpiresOn: o.ExpiresOn, RefreshOn: o.RefreshOn, CachedAt: o.At}
	if end := q.session.User.ExpiresAt; !t.ExpiresOn.Before(end) {
		t.ExpiresOn, t.RefreshOn = end.Add(tokencache.MinLife), end
	}
	return t
}

func (o outcome) encode() []byte {
	content, err := json.Marshal(o)
	if err != nil {
		panic(err) // texts and times
	}
	return content
}

// decodeOutcome decodes an outcome. If content is not an outcome, it returns an empty one, so that the
// assertion is exchanged again.
func decodeOutcome(content []byte) (o outcome) {
	if json.Unmarshal(content, &o) != nil {
		return outcome{}
	}
	return o
}
