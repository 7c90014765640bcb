package flow

import (
	"encoding/binary"
	"net/url"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// ConsentLifetime is how long an administrator may take to consent. It is long because the URL is sent
// by mail and some organizations decide slowly.
const ConsentLifetime = 30 * 24 * time.Hour

// ConsentResponse is Entra's response to a request for an administrator's consent. It passes through a
// browser, so its tenant may be forged.
type ConsentResponse struct {
	State, Tenant           string
	Granted                 bool
	Error, ErrorDescription string
}

const consentField = "admin_consent"

// IsConsentResponse reports whether a query is a response to a request for consent, according to its
// parameters (also for an error) or its state.
func (j *Jar) IsConsentResponse(raw string, now time.Time) bool {
	fields, _ := url.ParseQuery(raw)
	if fields.Has(consentField) {
		return true
	}
	_, ok := j.OpenConsent(fields.Get("state"), now)
	return ok
}

// ParseConsentResponse parses a query strictly, like [ParseResponse]. It refuses a response with a
// code, because consent does not sign anyone in.
func ParseConsentResponse(raw string) (*ConsentResponse, error) {
	fields, err := parseFields(raw)
	if err != nil || fields.Has("code") || len(fields[consentField]) > 1 || len(fields["tenant"]) > 1 {
		return nil, ErrMalformed
	}
	r := &ConsentResponse{
		State: fields.Get("state"), Tenant: fields.Get("tenant"),
		Error: fields.Get("error"), ErrorDescription: fields.Get("error_description"),
	}
	r.Granted = strings.EqualFold(fields.Get(consentField), "true") && !fields.Has("error")
	return r, nil
}

// SealConsent returns a state parameter with the tenant whose administrator is asked for consent.
func (j *Jar) SealConsent(tenant string, now time.Time) string {
	plaintext := binary.BigEndian.AppendUint64(nil, uint64(now.Unix())) //nolint:gosec // OpenConsent reverses it
	return j.sealText(append(plaintext, tenant...), j.consentContext())
}

// OpenConsent reverses SealConsent.
func (j *Jar) OpenConsent(state string, now time.Time) (tenant string, ok bool) {
	if len(state) > maxState {
		return "", false
	}
	plaintext, err := j.open(state, j.consentContext())
	if err != nil || len(plaintext) < timestampSize {
		return "", false
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint64(plaintext)), 0)) //nolint:gosec // as SealConsent wrote it
	return string(plaintext[timestampSize:]), -time.Minute <= age && age <= ConsentLifetime
}

func (j *Jar) consentContext() []byte {
	return sealed.Context(append([]string{"consent"}, j.binding...)...)
}
