package web

import (
	"log/slog"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/signin"
)

// An authorization response with a state of ours may be late, may be repeated by the back button or
// a reload, or may arrive without its cookie: office programs follow redirects before they open a
// browser, and of tabs that are opened at once the last one sets the cookie. Such a response signs
// nobody in (threats A2 to A4). The sign-in is resumed instead: by the page if the browser has a
// session, and by another sign-in otherwise.

// unfinishable returns the reason why an attempt cannot be finished, or "".
func unfinishable(a *flow.Attempt, now time.Time) string {
	switch {
	case a.IsForeign():
		return "other_browser"
	case a.Expired(now):
		return "flow_expired"
	}
	return ""
}

// handleUnfinishable resumes a sign-in, unless the response is an error: then the user sees that.
func (h *routeHandler) handleUnfinishable(a *flow.Attempt, response *flow.Response, reason string) error {
	if response.Error != "" && !a.Requirements().Silent {
		to := a.Destination()
		h.visit.to = &to
		return signin.Refusal(response)
	}
	return h.resume(a, reason, autherr.Rejected.New(reason, nil))
}

// resume sends the browser to the login route of its own site, which it reaches with the session's
// Lax cookie. The number of times is limited, because a browser that keeps no cookies would never
// arrive; then the error is returned.
func (h *routeHandler) resume(a *flow.Attempt, reason string, err error) error {
	h.forgetAttempt(a)
	to := a.Destination()
	h.visit.to = &to
	h.visit.attempt = nil // another sign-in does not have to satisfy its requirements
	if a.Restarts() >= flow.MaxRestarts {
		return err
	}
	h.reportRefused(err)
	h.Log.LogAttrs(h.ctx, slog.LevelInfo, "sign-in resumed", slog.String("reason", reason), slog.Any("error", err))
	h.out.redirect(h.resumeURL(to, a.Restarts()+1))
	return nil
}
