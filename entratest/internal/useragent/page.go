package useragent

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/pages"
)

// Page is a response of the sign-in service.
type Page struct {
	status int
	header http.Header
	body   string
}

var (
	formTag  = regexp.MustCompile(`<form [^>]*action="([^"]*)"`)
	inputTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	alertTag = regexp.MustCompile(`<p role="alert"><code>([^<]*)`)
	nextLink = regexp.MustCompile(`<a id="next" href="([^"]*)"`)
	frameTag = regexp.MustCompile(`<iframe src="([^"]*)"`)
)

// Name is the page's name; empty for a redirect.
func (p *Page) Name() string { return p.header.Get(pages.NameHeader) }

// Location is the target of a redirect; empty for a page.
func (p *Page) Location() string { return p.header.Get("Location") }

// Action is the target of the page's form.
func (p *Page) Action() (*url.URL, error) {
	form := formTag.FindStringSubmatch(p.body)
	if form == nil {
		return nil, fmt.Errorf("entratest: the sign-in page has no form; status %d", p.status)
	}
	action, err := url.Parse(html.UnescapeString(form[1]))
	if err != nil {
		return nil, fmt.Errorf("entratest: the form's address: %w", err)
	}
	return action, nil
}

// Fields are the hidden fields of the page's first form.
func (p *Page) Fields() url.Values {
	fields := url.Values{}
	first, _, _ := strings.Cut(p.body, "</form>")
	for _, input := range inputTag.FindAllStringSubmatch(first, -1) {
		fields.Set(html.UnescapeString(input[1]), html.UnescapeString(input[2]))
	}
	return fields
}

// Failure is the AADSTS number and the description of an error page.
func (p *Page) Failure() (code int, description string) {
	code, _ = strconv.Atoi(p.header.Get(pages.ErrorHeader)) // the emulator's own header
	if alert := alertTag.FindStringSubmatch(p.body); alert != nil {
		description = html.UnescapeString(alert[1])
	}
	return code, description
}

// Next is the address that the browser opens next, or empty if it stays on the page.
func (p *Page) Next() string {
	if next := nextLink.FindStringSubmatch(p.body); next != nil {
		return html.UnescapeString(next[1])
	}
	return p.Location()
}

// Frames are the addresses of the page's frames.
func (p *Page) Frames() []string {
	var out []string
	for _, frame := range frameTag.FindAllStringSubmatch(p.body, -1) {
		out = append(out, html.UnescapeString(frame[1]))
	}
	return out
}
