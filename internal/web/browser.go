package web

import "strings"

// browser returns the browser and the operating system of the request, if Config.RecordBrowser is set.
// The text consists of a few fixed words and contains nothing from the request.
func (h *routeHandler) browser() string {
	if !h.RecordBrowser {
		return ""
	}
	agent := h.in.Header("User-Agent")
	return family(agent, browsers) + " on " + family(agent, systems)
}

// marker is a text that identifies the User-Agent of a family. The order of markers matters, because
// browsers claim to be each other.
type marker struct{ contains, family string }

var (
	browsers = []marker{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"Chrome/", "Chrome"},
		{"CriOS/", "Chrome"},
		{"Safari/", "Safari"},
	}
	systems = []marker{
		{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iOS"}, {"iPad", "iOS"}, {"CrOS", "ChromeOS"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	}
)

func family(agent string, markers []marker) string {
	for _, m := range markers {
		if strings.Contains(agent, m.contains) {
			return m.family
		}
	}
	return "unknown"
}
