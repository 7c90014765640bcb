package web

import (
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/signin"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// authorized handles Entra's response: POST /user/authorized with form_post, GET with query.
func (h *routeHandler) authorized() error {
	h.visit.inFlow.callback = true
	if h.in.isPrefetch() { // the code must not be used up, because the browser may discard the cookies of a prefetch
		h.out.Status = http.StatusServiceUnavailable
		return nil
	}
	if h.isConsentResponse() {
		return h.adminConsented()
	}
	ctx, end := h.Telemetry.Span(h.ctx, "fibermsal sign-in")
	h.ctx, h.visit.inFlow.traced = ctx, ctx
	err := h.finishAttempt()
	if err != nil {
		h.reportRefused(err)
	}
	end(err)
	return err
}

// reportRefused counts and audits an authorization response that does not sign a user in.
func (h *routeHandler) reportRefused(err error) {
	h.Telemetry.SignedIn(h.ctx, err)
	h.Telemetry.AuditFailure(h.ctx, slog.LevelInfo, telemetry.EventSignInRefused, telemetry.Subject{}, err)
}

// finishAttempt finds the attempt to which the authorization response belongs, and finishes it.
func (h *routeHandler) finishAttempt() error {
	at := time.Now() // if the user's sessions are ended from now on, this one must not begin (threat D12)
	response, err := h.readResponse()
	if err != nil {
		return err
	}
	browser := h.flowBrowser()
	attempt, err := h.Flow.AttemptOf(response, browser, h.in.Cookie)
	if err != nil {
		return h.withCircumstances(err)
	}
	if reason := unfinishable(attempt, at); reason != "" {
		return h.handleUnfinishable(attempt, response, reason)
	}
	h.visit.inFlow.attempt, h.visit.inFlow.browser = attempt, browser
	if response.Error != "" && attempt.Requirements().Silent {
		h.signInVisibly()
		return nil
	}
	present, _ := h.presentSession()
	begun, err := h.Flow.Finish(h.ctx, attempt, &signin.Callback{
		Response: response, Present: present, Browser: browser, Family: h.browser(), At: at,
	})
	if err != nil {
		return h.handleFailure(err)
	}
	h.enterSession(begun)
	return nil
}

// handleFailure decides how a failed sign-in continues: with a visible sign-in if Entra answered a
// silent one for another user, with a sign-in for the claims that Entra requires, with a new start if
// the response was already used or its code has expired, or with an error.
func (h *routeHandler) handleFailure(err error) error {
	attempt := h.visit.inFlow.attempt
	e, ok := autherr.Find(err)
	switch {
	case signin.IsAnotherUser(err):
		h.signInVisibly()
		return nil
	case ok && (e.Reason == autherr.ReasonReplayed || e.Reason == autherr.ReasonGrantSpent):
		return h.resume(attempt, e.Reason, err)
	case !errors.Is(err, autherr.Unavailable): // if it is unavailable, a reload retries
		h.forgetAttempt(attempt)
	}
	if ok && h.in.mayNavigate() {
		if r := autherr.Requirements(e); r != nil && r.Claims != "" {
			return h.signInWithClaims(attempt, e)
		}
	}
	return h.explained(err)
}

// enterSession sets the cookie of the new session and redirects the browser to its page.
func (h *routeHandler) enterSession(begun *signin.Begun) {
	h.Telemetry.Audit(h.ctx, slog.LevelInfo, telemetry.EventSignedIn, begun.Session.Subject())
	h.Telemetry.SignedIn(h.ctx, nil)
	h.visit.inFlow.browser = h.visit.inFlow.browser.WithSession(begun.Session.ID) // sign-ins in other tabs will replace this session
	h.forgetAttempt(h.visit.inFlow.attempt)
	h.out.setCookie(h.cookie(h.CookieName, begun.Token, http.SameSiteLaxMode, h.Sessions.AbsoluteTimeout))
	h.countTry(begun.To)
	h.out.redirect(h.in, h.publicPath(begun.To.Path()))
}

// countTry counts a completed sign-in for the page that required it. Like the attempt's cookie, the
// cookie for this is sent with Entra's cross-site POST.
func (h *routeHandler) countTry(page flow.Destination) {
	if tries := h.visit.triesOf(h.in); tries.LeadTo(page) {
		h.out.setCookie(h.triesCookie(tries.Completed(page, time.Now())))
	}
}

// signInWithClaims repeats a sign-in that failed because claims were missing, for example because
// Conditional Access made Entra refuse the code, and requires these claims.
func (h *routeHandler) signInWithClaims(failed *flow.Attempt, e *autherr.Error) error {
	tries, page := h.visit.triesOf(h.in), failed.Destination()
	if tries.Exhausted(page) {
		return autherr.SignInLoop.New(e.Code, e)
	}
	requirements, err := h.repeated(failed, e)
	if err != nil {
		return signin.Inexpressible(err)
	}
	h.out.setCookie(h.triesCookie(tries.Repeated(page, time.Now())))
	h.Telemetry.SentToSignIn(h.ctx, e.Code)
	return h.sendToEntra(&flow.Start{Browser: h.visit.inFlow.browser.Without(failed), To: page, Requirements: requirements})
}

// signInVisibly repeats a failed silent sign-in as one that may show pages to the user.
func (h *routeHandler) signInVisibly() {
	h.forgetAttempt(h.visit.inFlow.attempt)
	h.out.redirect(h.in, h.signInURLFor(h.visit, h.in, autherr.LoginRequired.New("", nil)))
}

// readResponse reads the authorization response only from the part of the request where the response
// mode puts it (threats A11, A12).
func (h *routeHandler) readResponse() (*flow.Response, error) {
	if !h.FormPost {
		if h.in.Method != http.MethodGet {
			return nil, h.wrongMethod(http.MethodGet)
		}
		return parseResponse(h.in.RawQuery)
	}
	if h.in.Method != http.MethodPost {
		return nil, h.getInsteadOfPost()
	}
	kind, _, err := mime.ParseMediaType(h.in.Header("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || h.in.Header("Content-Encoding") != "" {
		return nil, rejected(http.StatusUnsupportedMediaType, "content_type")
	}
	body, ok := h.in.Body(flow.MaxResponse)
	if !ok {
		return nil, rejected(http.StatusRequestEntityTooLarge, "too_large")
	}
	if flow.HasProtocolFields(h.in.RawQuery) {
		return nil, rejected(http.StatusBadRequest, "query_beside_form")
	}
	return parseResponse(string(body))
}

// getInsteadOfPost rejects a response that was sent with GET. Entra reports errors in this way if it
// cannot read the requested mode.
func (h *routeHandler) getInsteadOfPost() error {
	e := h.wrongMethod(http.MethodPost)
	if response, err := flow.ParseResponse(h.in.RawQuery); err == nil && response.Error != "" {
		return signin.WithReported(e, response)
	}
	return e
}

func parseResponse(raw string) (*flow.Response, error) {
	response, err := flow.ParseResponse(raw)
	if err != nil {
		return nil, rejected(http.StatusBadRequest, "malformed_response")
	}
	return response, nil
}
