package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/fibermsal/fibermsal/entratest"
)

// options returns the emulator's options for the flags.
func (f flags) options() ([]entratest.Option, error) {
	opts := []entratest.Option{entratest.WithFrontChannelLogout(f.frontChannel), entratest.WithAppPermissions(f.appPermissions...)}
	if f.cloud != "" {
		opts = append(opts, entratest.WithCloud(entratest.Cloud(f.cloud)))
	}
	if f.externalID {
		opts = append(opts, entratest.WithExternalID())
	}
	if f.tenant != "" {
		opts = append(opts, entratest.WithTenant(f.tenant))
	}
	if f.client != "" {
		opts = append(opts, entratest.WithClientID(f.client))
	}
	if f.secret != "" {
		opts = append(opts, entratest.WithClientSecret(f.secret))
	}
	if f.auto {
		opts = append(opts, entratest.WithAutoSignIn())
	}
	for _, text := range f.apis {
		opts = append(opts, entratest.WithAPI(readAPI(text)))
	}
	read, err := f.readFiles()
	if err != nil {
		return nil, usageError{err}
	}
	opts = append(opts, read...)
	return append(opts, entratest.WithRedirectURI(f.redirectURIs...), entratest.WithSPARedirectURI(f.spaURIs...), entratest.WithLogoutURI(f.logoutURIs...)), nil
}

// readFiles returns the options for the flags that name files.
func (f flags) readFiles() ([]entratest.Option, error) {
	var opts []entratest.Option
	for _, name := range f.certificates {
		certificates, err := readCertificates(name)
		if err != nil {
			return nil, err
		}
		opts = append(opts, entratest.WithCertificate(certificates...))
	}
	if f.users != "" {
		users, err := readUsers(f.users)
		if err != nil {
			return nil, err
		}
		opts = append(opts, entratest.WithUsers(users...))
	}
	if f.graphFiles != "" {
		root, err := os.OpenRoot(f.graphFiles) // links cannot lead out of it; it stays open until the program ends
		if err != nil {
			return nil, fmt.Errorf("the answers of Graph: %w", err)
		}
		opts = append(opts, entratest.WithGraphFiles(root.FS()))
	}
	return opts, nil
}

// readAPI parses a value such as "api://orders v1 Orders.Read".
func readAPI(text string) entratest.API {
	var api entratest.API
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			api.URI = word
		case word == "v1":
			api.Version = 1
		default:
			api.Scopes = append(api.Scopes, word)
		}
	}
	return api
}

func readUsers(name string) ([]entratest.User, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the users: %w", err)
	}
	var users []entratest.User
	if err := json.Unmarshal(text, &users); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(users) == 0 {
		return nil, fmt.Errorf("%s has no users", name)
	}
	return users, nil
}

// readCertificates reads the certificates of a PEM file, and ignores private keys in it.
func readCertificates(name string) ([]*x509.Certificate, error) {
	rest, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	var out []*x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, certificate)
	}
	if len(out) == 0 {
		return nil, errors.New(name + " has no certificate in PEM")
	}
	return out, nil
}
