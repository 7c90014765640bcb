package fibermsal_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// The token that is exchanged is the one that the guard has verified. A handler that replaces the header,
// as one that passes requests on may do, must not get what is remembered for the caller, nor fill it.
func TestOnBehalf_AHeaderThatAHandlerReplacesIsNotExchanged(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newCallee(t, idp)
	s.app.Get("/x/replaced", fibermsal.RequireToken(), func(c *fiber.Ctx) error {
		switch to := c.Query("by"); to {
		case "nothing":
			c.Request().Header.Del("Authorization")
		default:
			c.Request().Header.Set("Authorization", to+idp.Issue(alex, apiScope))
		}
		return tokenOwner(idp)(c)
	})
	token := idp.Issue(adele, apiScope)
	for _, by := range []string{"nothing", "Bearer%20", "Basic%20"} {
		if a := s.call("/x/replaced?by="+by, token); a.StatusCode != http.StatusInternalServerError || !strings.Contains(s.log.String(), "authorization_replaced") {
			t.Errorf("%s: %d %s", by, a.StatusCode, a.Text)
		}
	}
	if n := len(exchanges(idp)); n != 0 {
		t.Errorf("%d token calls", n)
	}
	s.serves(token)
}
