package web

import (
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/phrases"
)

// explained adds to the error of a sign-in that the user declined that the user is still signed in, if
// so, because the sign-in may have been for a permission that only one page needs.
func (h *routeHandler) explained(err error) error {
	e, ok := autherr.Find(err)
	if !ok || (e.Reason != autherr.ReasonCancelled && e.Reason != autherr.ReasonDeclined) {
		return err
	}
	id := h.visit.inFlow.replaces()
	if id == "" || h.Sessions.Readable(h.ctx, id)[id] == nil {
		return err
	}
	h.visit.inFlow.keptSession = true
	switch {
	case len(h.visit.inFlow.attempt.Requirements().Scopes) > 0:
		return autherr.WithWords(e, phrases.PermissionDeclined, phrases.StillSignedInWithout)
	case e.Reason == autherr.ReasonDeclined:
		return autherr.WithDetail(e, phrases.StillSignedInAsBefore)
	}
	return autherr.WithDetail(e, phrases.StillSignedInUnchanged)
}
