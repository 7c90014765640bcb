package entratest

import (
	"net/http"
	"net/url"
)

// WithFrontChannelLogout registers the application's front-channel logout URL: https, or http on localhost.
// When a browser signs out whose session the application has a part in, the page loads it in a hidden frame
// with the session's sid, wherever the sign-out was asked for. Default: none. As in Entra there is one.
func WithFrontChannelLogout(uri string) Option {
	return func(c *settings) { c.frontChannel = uri }
}

// WithFrontChannelIssuer makes front-channel requests carry iss beside sid, as the specification has it.
// Default: sid alone, as recorded from Entra.
func WithFrontChannelIssuer() Option {
	return func(c *settings) { c.frontChannelIssuer = true }
}

// frames are the addresses that tell the application of these sessions' end.
func (s *Server) frames(ended []*ssoAccount) []string {
	var out []string
	for _, one := range ended {
		if s.settings.frontChannel == "" {
			break
		}
		v := url.Values{"sid": {one.sid}}
		if s.settings.frontChannelIssuer {
			v.Set("iss", s.issuer(one.account.tenant.id))
		}
		out = append(out, withParams(s.settings.frontChannel, v, false))
	}
	return out
}

// showSigningOut loads the frames and then goes on to the target.
func (s *Server) showSigningOut(w http.ResponseWriter, target string, frames []string) {
	s.show(w, "signing-out", http.StatusOK, page{Title: "You signed out of your account", Target: target, Frames: frames})
}

// originOf is the origin of a URL that New has checked.
func originOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		panic("entratest: " + err.Error())
	}
	return u.Scheme + "://" + u.Host
}
