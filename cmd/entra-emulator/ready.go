package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/fibermsal/fibermsal/entratest"
)

// ready is the configuration for clients.
type ready struct {
	Authority    string `json:"authority"`
	GraphURL     string `json:"graph_url"`
	BrowserURL   string `json:"browser_url"`
	TenantID     string `json:"tenant_id"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	CAFile       string `json:"ca_file"`
	Users        []user `json:"users"`
}

type user struct {
	ID   string  `json:"id"`
	UPN  string  `json:"upn"`
	Name string  `json:"name"`
	Mail *string `json:"mail"`
}

func newReady(s *entratest.Server, caFile string) ready {
	return ready{
		Authority: s.Authority, GraphURL: s.GraphURL, BrowserURL: s.BrowserURL, TenantID: s.TenantID,
		ClientID: s.ClientID, ClientSecret: s.ClientSecret, CAFile: caFile, Users: describe(s.Users()),
	}
}

func describe(people []entratest.User) []user {
	out := make([]user, 0, len(people))
	for _, p := range people {
		u := user{ID: p.ID, UPN: p.UPN, Name: p.DisplayName}
		if p.Mail != "" {
			u.Mail = &p.Mail
		}
		out = append(out, u)
	}
	return out
}

// print writes the configuration in the format that the flags select.
func (r ready) print(out io.Writer, f flags) error {
	if !f.env {
		return json.NewEncoder(out).Encode(r)
	}
	_, err := io.WriteString(out, r.exports(f.redirectURIs))
	return err
}

// exports returns shell commands that configure clients: apps with this library, Azure's SDKs, Node.js,
// and Python's requests.
func (r ready) exports(redirectURIs []string) string {
	var out strings.Builder
	caFile, err := filepath.Abs(r.CAFile)
	if err != nil {
		caFile = r.CAFile
	}
	export := func(name, value string) { fmt.Fprintf(&out, "export %s=%s\n", name, quoted(value)) }
	export("FIBERMSAL_CLIENT_ID", r.ClientID)
	export("FIBERMSAL_CLIENT_SECRET", r.ClientSecret)
	export("FIBERMSAL_AUTHORITY", r.Authority)
	export("FIBERMSAL_GRAPH_URL", r.GraphURL)
	export("FIBERMSAL_CA_FILE", caFile)
	for _, uri := range redirectURIs {
		if public, ok := strings.CutSuffix(uri, "/user/authorized"); ok {
			export("FIBERMSAL_PUBLIC_URL", public)
			break
		}
	}
	export("AZURE_CLIENT_ID", r.ClientID)
	export("AZURE_CLIENT_SECRET", r.ClientSecret)
	export("AZURE_TENANT_ID", r.TenantID)
	export("AZURE_AUTHORITY_HOST", strings.TrimSuffix(r.Authority, "/"+r.TenantID)+"/")
	export("NODE_EXTRA_CA_CERTS", caFile)
	export("REQUESTS_CA_BUNDLE", caFile)
	fmt.Fprintf(&out, "# browser_url, for single-page apps: %s\n", r.BrowserURL)
	fmt.Fprintf(&out, "# Go, OpenSSL and Python's ssl then trust nothing else:\n# export SSL_CERT_FILE=%s\n", quoted(caFile))
	return out.String()
}

// quoted returns text as a word for a shell.
func quoted(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,~", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 && text[0] != '~' {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
