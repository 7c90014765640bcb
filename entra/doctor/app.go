package doctor

import (
	"fmt"
	"net/http"
	"slices"
)

// MinReadBuffer is the recommended size of the buffer for request headers. It leaves room for the app's
// own cookies, long paths to return to, and Entra's codes. Fiber's default is 4,096 bytes.
const MinReadBuffer = 16 << 10

// App describes a web app of any version of Fiber.
type App struct {
	// ReadBufferSize is the size of the buffer for request headers.
	ReadBufferSize int
	// StreamsBodies is set if handlers may run before the whole body of a request has arrived.
	StreamsBodies bool
	// ProxyHeader is the header from which the app reads the client's address, or "".
	ProxyHeader string
	// TrustsAnyProxy is set if the app trusts that header in every request. Otherwise it trusts the
	// header only in requests from TrustedProxies, which are addresses and networks.
	TrustsAnyProxy bool
	TrustedProxies []string
	// Get returns the app's response to a GET request without using the network. It may panic, and it
	// may never return.
	Get func(address string, header http.Header) (status int, response http.Header)
}

// settings checks the settings of an app. It does nothing if there is no app.
func (a *App) settings() (findings []Finding) {
	if a == nil {
		return nil
	}
	if a.ReadBufferSize < MinReadBuffer {
		findings = append(findings, Finding{
			Severity: SeverityWarning, Code: "read_buffer",
			What: fmt.Sprintf("fiber.Config.ReadBufferSize is %d bytes", a.ReadBufferSize),
			Why:  "the addresses of pages that users return to, and the codes of Entra, may make longer headers, which get 431",
			Fix:  fmt.Sprintf("set it to %d", MinReadBuffer),
		})
	}
	if a.StreamsBodies {
		findings = append(findings, Finding{
			Severity: SeverityWarning, Code: "streamed_bodies",
			What: "fiber.Config.StreamRequestBody is set",
			Why:  "fasthttp treats the part of a body that a handler does not read as the next request on the connection, so another site can forge requests of a user; behind the middleware such connections are closed, in front of it they are not",
			Fix:  "put the middleware in front of all routes, or leave StreamRequestBody out",
		})
	}
	if a.ProxyHeader != "" && a.trustsEverybody() {
		findings = append(findings, Finding{
			Severity: SeverityWarning, Code: "proxy_trust",
			What: "fiber.Config.ProxyHeader is " + a.ProxyHeader + ", and the app trusts it from any sender",
			Why:  "visitors choose the address that c.IP() returns, and can evade limits and forge logs with it; signing in does not depend on it",
			Fix:  "trust only the addresses of your proxies: set EnableTrustedProxyCheck and TrustedProxies (with Fiber v3, TrustProxy and TrustProxyConfig)",
		})
	}
	if len(findings) == 0 {
		findings = append(findings, ok("app", "the app reads long enough headers, and believes addresses only from proxies that it trusts"))
	}
	return findings
}

func (a *App) trustsEverybody() bool {
	return a.TrustsAnyProxy || slices.ContainsFunc(a.TrustedProxies, func(network string) bool {
		return network == "0.0.0.0/0" || network == "::/0"
	})
}
