package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/outbound"
)

const graphSubject = "Microsoft Graph"

// graph checks whether Graph responds at GraphURL, and whether GraphURL is in the same cloud as the
// authority. It sends no token, so Graph is expected to refuse with one of its own errors.
func (d *diagnosis) graph(ctx context.Context) []Finding {
	if !d.usesGraph() {
		return nil
	}
	if other := d.graphOfAnotherCloud(); other != nil {
		return []Finding{*other}
	}
	address := d.GraphURL + "/me"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return []Finding{unchecked("graph", graphSubject, causeOf(err))}
	}
	response, err := d.browse(r)
	if err != nil {
		return []Finding{d.graphFinding("cannot be reached"+d.recorder.through(address)+": "+causeOf(err), reachFix(d.GraphURL, err))}
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct{ Error struct{ Code string } }
	err = json.NewDecoder(outbound.Bound(response.Body, maxPage)).Decode(&answer)
	switch {
	case authority.IsBusy(response.StatusCode):
		return []Finding{unchecked("graph", graphSubject, fmt.Sprintf("it answered with status %d", response.StatusCode))}
	case response.StatusCode == http.StatusUnauthorized && err == nil && answer.Error.Code != "":
		return []Finding{ok("graph", "Microsoft Graph answers at "+d.GraphURL+d.recorder.through(address))}
	}
	return []Finding{d.graphFinding(fmt.Sprintf("does not answer as Graph (status %d)", response.StatusCode),
		"compare GraphURL with the address of the cloud, such as https://graph.microsoft.com/v1.0, and see what is in between")}
}

func (d *diagnosis) graphFinding(what, fix string) Finding {
	return Finding{
		Severity: SeverityWarning, Code: "graph", What: "Microsoft Graph at " + d.GraphURL + " " + what,
		Why: "users can sign in, and every call of Graph fails, those of OnSignIn and of group checks too", Fix: fix,
	}
}

// usesGraph reports whether Config.Scopes contains a scope of Graph.
func (d *diagnosis) usesGraph() bool {
	scopes := d.Authority.Scopes
	return slices.ContainsFunc(scopes.Configured(), func(scope string) bool {
		return scopes.ResourceOf(scope) == scopes.ResourceOf(scopes.GraphDefault())
	})
}

// graphOfAnotherCloud returns a finding if GraphURL is in another cloud than the authority.
func (d *diagnosis) graphOfAnotherCloud() *Finding {
	u, err := url.Parse(d.GraphURL)
	if err != nil {
		return nil
	}
	login := authority.HostOf(d.Authority.Authority)
	var here []string
	var known, isHere bool
	for _, hosts := range authority.AllHosts() {
		isGraph := strings.EqualFold(u.Host, hosts.Graph)
		known = known || isGraph
		if strings.EqualFold(hosts.Login, login) {
			here = append(here, hosts.Graph)
			isHere = isHere || isGraph
		}
	}
	if !known || len(here) == 0 || isHere {
		return nil
	}
	return &Finding{
		Severity: SeverityError, Code: "graph",
		What: "GraphURL is in another cloud than the authority " + d.Authority.Authority,
		Why:  "Graph refuses tokens of another cloud, so every call fails",
		Fix:  "leave GraphURL empty and set Cloud, or set it to https://" + strings.Join(here, "/v1.0 or https://") + "/v1.0",
	}
}
