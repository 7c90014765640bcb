// Package emulated contains the common parts of the Go clients: the emulator, a browser, and a report.
package emulated

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
)

// Emulator is the output of the emulator when it was ready.
type Emulator struct {
	Authority    string `json:"authority"`
	GraphURL     string `json:"graph_url"`
	BrowserURL   string `json:"browser_url"`
	TenantID     string `json:"tenant_id"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Users        []User `json:"users"`

	RedirectURI string `json:"-"`
}

// User is one of the emulator's.
type User struct {
	ID   string `json:"id"`
	UPN  string `json:"upn"`
	Name string `json:"name"`
	Mail string `json:"mail"`
}

// APIScope is a scope of the application's own API.
func (e *Emulator) APIScope() string { return "api://" + e.ClientID + "/access_as_user" }

// Adele is the user who signs in.
func (e *Emulator) Adele() User {
	for _, u := range e.Users {
		if u.Name == "Adele Vance" {
			return u
		}
	}
	panic("no Adele Vance")
}

// Run runs the checks of a client, whose version is that of the module, and ends the program.
func Run(module string, checks func(*Emulator) error) {
	e := &Emulator{RedirectURI: os.Getenv("REDIRECT_URI")}
	err := json.Unmarshal([]byte(os.Getenv("EMULATOR")), e)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == module {
				fmt.Println("version", strings.TrimPrefix(dependency.Version, "v"))
			}
		}
	}
	if err == nil {
		err = checks(e)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// OK reports a check that has passed.
func OK(name string) { fmt.Println("ok", name) }

// Visit acts as the browser. It opens the sign-in page, which redirects immediately because of -auto,
// and returns the code.
func (e *Emulator) Visit(address string) (code string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	u.Host = "127.0.0.1:" + u.Port() // only browsers find a name below localhost by themselves
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Get(u.String())
	if err != nil {
		return "", err
	}
	if err := response.Body.Close(); err != nil {
		return "", err
	}
	location, err := response.Location()
	if err != nil {
		return "", fmt.Errorf("%s: %w", response.Status, err)
	}
	if !strings.HasPrefix(location.String(), e.RedirectURI) || location.Query().Get("code") == "" {
		return "", fmt.Errorf("sent to %s", location)
	}
	return location.Query().Get("code"), nil
}

// Get calls Graph and decodes the answer.
func (e *Emulator) Get(path, token string, into any) error {
	r, err := http.NewRequest(http.MethodGet, e.GraphURL+path, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := (&http.Client{}).Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// Redeem exchanges a code for an access token, without a library.
func (e *Emulator) Redeem(code string) (token string, err error) {
	response, err := (&http.Client{}).PostForm(e.Authority+"/oauth2/v2.0/token", url.Values{
		"client_id": {e.ClientID}, "client_secret": {e.ClientSecret}, "grant_type": {"authorization_code"},
		"code": {code}, "redirect_uri": {e.RedirectURI},
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	var body struct {
		Token string `json:"access_token"`
		Error string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return "", err
	}
	if body.Token == "" {
		return "", errors.New(body.Error)
	}
	return body.Token, nil
}
