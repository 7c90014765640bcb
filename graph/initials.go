package graph

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode"

	"github.com/fibermsal/fibermsal/entra"
)

// gradients are the background colours at the top left and the bottom right. White text on the brighter
// one has a contrast of at least 4.5 (WCAG 1.4.3).
var gradients = [...][2]string{
	{"#2563eb", "#1e3a8a"},
	{"#7c3aed", "#4c1d95"},
	{"#a21caf", "#701a75"},
	{"#be185d", "#831843"},
	{"#be123c", "#881337"},
	{"#c2410c", "#7c2d12"},
	{"#b45309", "#78350f"},
	{"#4d7c0f", "#365314"},
	{"#15803d", "#14532d"},
	{"#0f766e", "#134e4a"},
	{"#0e7490", "#164e63"},
	{"#475569", "#1e293b"},
}

// drawInitials draws the substitute for a photo: the initials of the user, or a silhouette if the name
// has none, on a colour that depends on the user. Styles are written as attributes, which the
// Content-Security-Policy of the response allows.
func drawInitials(u *entra.User) []byte {
	hash := sha256.Sum256([]byte(u.TenantID + "/" + u.ID))
	colours := gradients[int(hash[0])%len(gradients)]
	name := u.Name
	if name == "" {
		name, _, _ = strings.Cut(u.Username, "@")
	}
	figure := `<circle cx="48" cy="37" r="16" fill="#fff"/><path d="M16 84a32 27 0 0 1 64 0z" fill="#fff"/>`
	if letters := initials(name); letters != "" {
		figure = `<text x="48" y="48" dy=".35em" fill="#fff" font-family="Segoe UI,system-ui,-apple-system,sans-serif" ` +
			`font-size="38" font-weight="600" letter-spacing="1" text-anchor="middle">` + escapeXML(letters) + `</text>`
	}
	var svg bytes.Buffer
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96" viewBox="0 0 96 96" role="img">`+
		`<title>%s</title><defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1">`+
		`<stop stop-color="%s"/><stop offset="1" stop-color="%s"/></linearGradient></defs>`+
		`<rect width="96" height="96" fill="url(#g)"/>%s</svg>`,
		escapeXML(shorten(name)), colours[0], colours[1], figure)
	return svg.Bytes()
}

// initials returns the first letters of the first and the last word of a name. Text in parentheses, as
// in "Adele Vance (Contoso)", is not part of the name.
func initials(name string) string {
	if before, _, found := strings.Cut(name, "("); found && initials(before) != "" {
		name = before
	}
	words := strings.FieldsFunc(name, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.N, unicode.M) && r != '\'' && r != '’'
	})
	var firsts []rune
	for _, w := range words {
		if i := strings.IndexFunc(w, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }); i >= 0 {
			firsts = append(firsts, unicode.ToUpper([]rune(w[i:])[0]))
		}
	}
	switch len(firsts) {
	case 0, 1:
		return string(firsts)
	}
	return string([]rune{firsts[0], firsts[len(firsts)-1]})
}

// maxName is the longest display name that Entra stores, in characters.
const maxName = 256

func shorten(name string) string {
	if runes := []rune(name); len(runes) > maxName {
		return string(runes[:maxName])
	}
	return name
}

// escapeXML escapes text for XML, and replaces characters that XML cannot express.
func escapeXML(s string) string {
	var out strings.Builder
	if err := xml.EscapeText(&out, []byte(s)); err != nil {
		return "" // a strings.Builder does not fail
	}
	return out.String()
}
