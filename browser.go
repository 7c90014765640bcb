package fibermsal

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// browserOf is the family of a request's browser, if Config asks for it: one of a few
// words of ours, and nothing that the request says.
func (a *Auth) browserOf(c *fiber.Ctx) string {
	if !a.cfg.RecordBrowser {
		return ""
	}
	agent := c.Get(fiber.HeaderUserAgent)
	return family(agent, browsers) + " on " + family(agent, systems)
}

// mark is what a User-Agent contains of a family. The order matters, for browsers claim to
// be each other.
type mark struct{ contains, family string }

var (
	browsers = []mark{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"Chrome/", "Chrome"},
		{"CriOS/", "Chrome"},
		{"Safari/", "Safari"},
	}
	systems = []mark{
		{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iOS"}, {"iPad", "iOS"}, {"CrOS", "ChromeOS"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	}
)

func family(agent string, marks []mark) string {
	for _, m := range marks {
		if strings.Contains(agent, m.contains) {
			return m.family
		}
	}
	return "unknown"
}
