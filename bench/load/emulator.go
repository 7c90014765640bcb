package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/entratest"
)

// apiURI names the API of the systems, which is the emulator's registered application.
const apiURI = "api://00001111-aaaa-2222-bbbb-3333cccc4444"

// clients returns clients, each with a different access token for the API.
func (e *emulator) clients(number int) []*visitor {
	all := make([]*visitor, number)
	for i := range all {
		user := e.people[i%len(e.people)]
		all[i] = &visitor{id: user.ID, login: user.UPN, token: e.Issue(user.UPN, apiURI+"/access_as_user")}
	}
	return all
}

// emulator is Entra and Graph on loopback sockets in this process. Its cost is not part of a server's
// figures, which contain the server's own processor time only.
type emulator struct {
	*entratest.Server
	host   string // of authority and Graph
	caFile string
	people []entratest.User
}

func newEmulator(o options, scratch string, redirectURIs []string) (*emulator, error) {
	people := make([]entratest.User, o.users)
	for i := range people {
		people[i] = entratest.User{
			ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), UPN: fmt.Sprintf("person%d@contoso.com", i),
			Mail: fmt.Sprintf("person%d@contoso.com", i), DisplayName: fmt.Sprintf("Person %d", i),
			GivenName: "Person", Surname: strconv.Itoa(i), JobTitle: "Tester", OfficeLocation: "18/2111",
			BusinessPhones: []string{"+1 425 555 0109"}, PreferredLanguage: "en-US",
		}
	}
	opts := []entratest.Option{
		entratest.WithAutoSignIn(), entratest.WithRedirectURI(redirectURIs...), entratest.WithUsers(people...),
		entratest.WithAPI(entratest.API{URI: apiURI, Scopes: []string{"access_as_user"}}),
	}
	if o.secret != "" {
		opts = append(opts, entratest.WithClientSecret(o.secret))
	}
	e := &emulator{Server: entratest.New(opts...), caFile: filepath.Join(scratch, "ca.pem"), people: people}
	if err := e.Listen(entratest.ListenConfig{HTTPS: o.emulator}); err != nil {
		return nil, err
	}
	u, err := url.Parse(e.Authority)
	if err != nil {
		return nil, err
	}
	e.host = u.Host
	return e, os.WriteFile(e.caFile, e.CAPEM(), 0o600)
}

// calls are the numbers of calls of the token endpoint and of Graph.
func (e *emulator) calls() (token, graph int) {
	return e.Count(entratest.Token), e.Count(entratest.GraphMe)
}

// here redirects an address of Microsoft, which is built into some systems, to the emulator.
func (e *emulator) here(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err == nil && strings.HasSuffix(u.Hostname(), ".microsoftonline.com") {
		u.Host = e.host
	}
	return u, err
}
