package web

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/phrases"
	"github.com/fibermsal/fibermsal/internal/signin"
)

// After consenting, an administrator is redirected to the callback route of sign-ins, always with GET.
// The response does not sign anyone in. Anyone can forge it, so the page reports the result only if the
// state was sealed by AdminConsentURL, and it never repeats any text of the response (threat A10).

func (h *routeHandler) isConsentResponse() bool {
	return h.in.Method == http.MethodGet && h.Jar.IsConsentResponse(h.in.RawQuery, time.Now())
}

// adminConsented shows an administrator the result in the response.
func (h *routeHandler) adminConsented() error {
	response, err := flow.ParseConsentResponse(h.in.RawQuery)
	if err != nil {
		return rejected(http.StatusBadRequest, "malformed_response")
	}
	tenant, known := h.Jar.OpenConsent(response.State, time.Now())
	if discovery.IsGUID(tenant) && response.Granted && !strings.EqualFold(tenant, response.Tenant) {
		known = false
	}
	p := newPage(h.in, h.homeURL(), codeConsent, http.StatusOK)
	if response.Error != "" {
		p.Status = http.StatusBadRequest
		p.refer(correlationID())
	}
	p.describeConsent(response.Granted, known, tenant)
	h.logConsent(response, known, tenant, p.CorrelationID)
	h.out.Status, h.out.page = p.Status, p
	return nil
}

// describeConsent sets the message and detail of the page. tenant is the argument of AdminConsentURL.
func (p *Page) describeConsent(granted, known bool, tenant string) {
	message, detail, detailIn := phrases.ConsentRefused, phrases.ConsentRefusedDetail, phrases.ConsentRefusedDetailIn
	switch {
	case !known:
		message, detail, detailIn = phrases.ConsentUnknown, phrases.ConsentUnknownDetail, phrases.ConsentUnknownDetail
	case granted:
		message, detail, detailIn = phrases.ConsentGranted, phrases.ConsentGrantedDetail, phrases.ConsentGrantedDetailIn
	}
	p.Message = p.language.Text(message)
	if strings.EqualFold(tenant, "organizations") || strings.EqualFold(tenant, "common") {
		p.Detail = p.language.Text(detail)
		return
	}
	p.Detail, p.value = strings.ReplaceAll(p.language.Text(detailIn), phrases.Placeholder, tenant), tenant
}

// logConsent logs the result in a response. Without a state that this app has sealed, anyone may have written it.
func (h *routeHandler) logConsent(r *flow.ConsentResponse, known bool, tenant, correlation string) {
	level, attrs := slog.LevelDebug, []slog.Attr{slog.Bool("granted", r.Granted), slog.Bool("state_known", known)}
	if known {
		level, attrs = slog.LevelInfo, append(attrs, slog.String("tenant", tenant))
	}
	if r.Error != "" {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("correlation_id", correlation), slog.Any("cause", signin.ReportedCodes(r.Error, r.ErrorDescription)))
	}
	h.Log.LogAttrs(h.ctx, level, "response to a request for an administrator's consent", attrs...)
}
