package main

import (
	"context"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// browser is that of the newcomer. It keeps cookies and follows redirects.
type browser struct{ client http.Client }

func newBrowser() (*browser, error) {
	jar, err := cookiejar.New(nil)
	return &browser{http.Client{Jar: jar, Timeout: time.Minute, Transport: &http.Transport{DialContext: dialThisMachine}}}, err
}

// dialThisMachine leads every host name to this machine, as browsers do with the names below localhost.
func dialThisMachine(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
}

// page is what the browser shows.
type page struct {
	address *url.URL
	status  int
	name    string // of a page of the emulator
	text    string
}

// The header by which the emulator names its pages, and their names.
const (
	pageHeader   = "X-Entratest-Page"
	accountsPage = "accounts"
	consentPage  = "consent"
	formPostPage = "form_post"
)

// open opens an address that is typed or clicked.
func (b *browser) open(ctx context.Context, address string) (*page, error) {
	return b.navigate(ctx, http.MethodGet, address, nil)
}

// navigate sends what browsers send for a page, and follows redirects.
func (b *browser) navigate(ctx context.Context, method, address string, form url.Values) (*page, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "text/html,application/xhtml+xml")
	request.Header.Set("Sec-Fetch-Mode", "navigate")
	request.Header.Set("Sec-Fetch-Dest", "document")
	request.Header.Set("Sec-Fetch-Site", "none")
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := b.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return &page{response.Request.URL, response.StatusCode, response.Header.Get(pageHeader), string(body)}, err
}

// signIn answers the pages of the emulator until the app answers.
func (b *browser) signIn(ctx context.Context, p *page, login string) (_ *page, err error) {
	for range 5 {
		var name, value string
		switch p.name {
		case accountsPage:
			name, value = "user", login
		case consentPage:
			name, value = "action", "accept"
		case formPostPage:
		default:
			if p.status != http.StatusOK || p.name != "" {
				return nil, p.unexpected()
			}
			return p, nil
		}
		if p, err = b.submit(ctx, p, name, value); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("signing in does not end: %w", p.unexpected())
}

var (
	formTag   = regexp.MustCompile(`<form [^>]*action="([^"]*)"`)
	hiddenTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// submit sends the first form of a page with the field of a button.
func (b *browser) submit(ctx context.Context, p *page, name, value string) (*page, error) {
	action := formTag.FindStringSubmatch(p.text)
	if action == nil {
		return nil, fmt.Errorf("no form: %w", p.unexpected())
	}
	target, err := p.address.Parse(html.UnescapeString(action[1]))
	if err != nil {
		return nil, err
	}
	form := url.Values{}
	for _, field := range hiddenTag.FindAllStringSubmatch(p.text, -1) {
		form.Set(field[1], html.UnescapeString(field[2])) // each form of a page repeats them
	}
	if name != "" {
		form.Set(name, value)
	}
	return b.navigate(ctx, http.MethodPost, target.String(), form)
}

// link returns the address of a link whose path begins in a way.
func (p *page) link(path string) (string, error) {
	match := regexp.MustCompile(`<a [^>]*href="(` + regexp.QuoteMeta(path) + `[^"]*)"`).FindStringSubmatch(p.text)
	if match == nil {
		return "", fmt.Errorf("no link to %s: %w", path, p.unexpected())
	}
	target, err := p.address.Parse(html.UnescapeString(match[1]))
	if err != nil {
		return "", err
	}
	return target.String(), nil
}

// unexpected describes a page on which the newcomer should not be.
func (p *page) unexpected() error {
	return fmt.Errorf("the browser is at %s, with status %d:\n%s", p.address, p.status, p.text)
}
