package grants

import (
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
)

// Client is how the client of a token call appears.
type Client struct {
	Origin        string // of the page that makes the call, or empty
	Authenticated bool   // by a secret or an assertion
}

// permit checks whether the client may use a grant with this type of redirect URI. Pages of a
// single-page app have no credential and call from their origin. All other clients have a credential
// and do not send an origin (reply-url.md of the identity platform's documentation).
func (g *Grant) permit(c Client) *aadsts.Error {
	switch {
	case g.SPA && c.Authenticated:
		return aadsts.New(700025)
	case g.SPA && c.Origin == "":
		return aadsts.New(9002327)
	case !g.SPA && c.Origin != "":
		return aadsts.New(9002326, c.Origin)
	case !g.SPA && !c.Authenticated:
		return aadsts.New(7000218)
	default:
		return nil
	}
}

// spaLife is the lifetime of the refresh tokens of single-page apps, counted from the sign-in.
const spaLife = 24 * time.Hour

// SPAEnd is the time at which the refresh tokens of a single-page app expire.
func (g *Grant) SPAEnd() time.Time { return g.Granted.Add(spaLife) }
