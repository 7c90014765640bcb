package fibermsal_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestErrors_TellTheAdministratorWhatToDo(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fault  entratest.Fault
		advice string
	}{
		"wrong secret":   {entratest.Fault{Status: 401, OAuth: &entratest.OAuthError{Error: "invalid_client", Codes: []int{7000215}}}, "not its Secret ID"},
		"expired secret": {entratest.Fault{Status: 401, OAuth: &entratest.OAuthError{Error: "invalid_client", Codes: []int{7000222}}}, "PreviousSecrets"},
		"not in tenant":  {entratest.Fault{OAuth: &entratest.OAuthError{Error: "unauthorized_client", Codes: []int{700016}}}, "check ClientID and TenantID"},
		"wrong verifier": {entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{501481}}}, "does not match"},
	} {
		s := newSite(t, newIDP(t))
		s.idp.Fault(entratest.Token, row.fault)
		b := s.browser()
		a := b.Send(b.approve(b.start(""), adele).Request())
		if log := s.log.String(); !strings.Contains(log, `"advice":"`) || !strings.Contains(log, row.advice) {
			t.Errorf("%s: %s", name, log)
		}
		_, after, _ := strings.Cut(a.Text, "<code>")
		reference, _, _ := strings.Cut(after, "</code>")
		if strings.Contains(a.Text, row.advice) || strings.Contains(a.Text, "AADSTS") || reference == "" || !strings.Contains(s.log.String(), reference) {
			t.Errorf("%s: the user reads %s", name, a.Text)
		}
	}
	b := newSite(t, newIDP(t)).browser()
	response, err := b.idp.Decline(b.start(""), adele)
	if err != nil {
		t.Fatal(err)
	}
	b.Send(response.Request())
	if !strings.Contains(b.log.String(), "the user declined the consent") {
		t.Errorf("declined: %s", b.log)
	}
}

func TestOutage_HandlersOwnErrorsDoNotHideIt(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	b.app.Get("/own", func(c *fiber.Ctx) error {
		if _, ok := fibermsal.FromContext(c); !ok {
			return fiber.ErrUnauthorized
		}
		return nil
	})
	b.signIn(adele)
	l.fail(true, true)
	if a := b.Get("/own"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d", a.StatusCode)
	}
	if strings.Contains(b.log.String(), "storage-password") || !strings.Contains(b.log.String(), "storage is down") {
		t.Errorf("the cause in the log:\n%s", b.log)
	}
}

// An error that all requests share must not be changed by one of them.
func TestErrors_ThoseToCompareWithCannotBeChanged(t *testing.T) {
	t.Parallel()
	for _, shared := range []error{
		fibermsal.ErrLoginRequired, fibermsal.ErrConsentRequired, fibermsal.ErrClaimsChallenge, fibermsal.ErrForbidden,
		fibermsal.ErrUnavailable, fibermsal.ErrRejected, fibermsal.ErrMisconfigured, fibermsal.ErrNotSignedIn,
	} {
		var changed, fresh *fibermsal.Error
		if !errors.As(shared, &changed) {
			t.Fatalf("%v is no Error", shared)
		}
		changed.Status, changed.Code, changed.Message = http.StatusOK, "ok", ""
		if errors.As(shared, &fresh); fresh.Status < 400 || fresh.Code == "ok" || fresh.Message == "" || !errors.Is(fresh, shared) {
			t.Errorf("%v has become %+v", shared, fresh)
		}
	}
}
