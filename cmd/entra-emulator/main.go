// Entra-emulator runs package entratest as a program: Microsoft sign-in and Graph on loopback, for clients
// in any language and for people with a browser.
//
//	entra-emulator -redirect-uri http://localhost:3000/user/authorized -ca-out ca.pem
//
// When it is ready it prints one line of JSON with what to configure the client with. Programs talk TLS to
// authority and graph_url, by HTTP/2 or HTTP/1.1, and must trust ca_file; people are sent to plain http and meet no certificate
// warning. It stops on SIGINT and SIGTERM. A mistake in the flags exits with status 2.
package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/fibermsal/fibermsal/entratest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "entra-emulator:", err)
	if errors.As(err, new(usageError)) {
		os.Exit(2)
	}
	os.Exit(1)
}

// usageError is a mistake of whoever wrote the command line.
type usageError struct{ error }

// Unwrap returns the reason.
func (e usageError) Unwrap() error { return e.error }

// flags is the command line.
type flags struct {
	http, https              string
	tenant, client, secret   string
	redirectURIs, logoutURIs list
	certificates             list
	appPermissions           list
	frontChannel             string
	caOut                    string
	auto                     bool
}

// list collects a repeatable flag.
type list []string

// String implements flag.Value.
func (l *list) String() string { return fmt.Sprint([]string(*l)) }

// Set implements flag.Value.
func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func parse(args []string, stderr io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("entra-emulator", flag.ContinueOnError)
	set.SetOutput(io.Discard) // errors are printed by main, help below
	set.StringVar(&f.http, "http", "127.0.0.1:8400", "loopback `address` of the pages for people")
	set.StringVar(&f.https, "https", "127.0.0.1:8443", "loopback `address` of everything, over TLS")
	set.StringVar(&f.tenant, "tenant", "", "tenant `id`, a GUID (default: a fixed one)")
	set.StringVar(&f.client, "client-id", "", "the application's `id`, a GUID (default: a fixed one)")
	set.StringVar(&f.secret, "client-secret", "", "the application's `secret` (default: a random one)")
	set.Var(&f.redirectURIs, "redirect-uri", "registered redirect `URI`; repeatable (default: "+entratest.DefaultRedirectURI+", on any port)")
	set.Var(&f.logoutURIs, "logout-uri", "further registered `URI` for after logout; repeatable")
	set.Var(&f.certificates, "certificate", "PEM `file` with a certificate of the application, for signed assertions; repeatable")
	set.Var(&f.appPermissions, "app-permission", "application `permission` that an administrator has consented to, such as User.Read.All; repeatable")
	set.StringVar(&f.frontChannel, "front-channel-logout-url", "", "the application's front-channel logout `URL` (default: none)")
	set.StringVar(&f.caOut, "ca-out", "", "`file` for the certificate to trust (default: a new file in the temporary directory)")
	set.BoolVar(&f.auto, "auto", false, "with login_hint sign in at once, without a page")
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stderr, "entra-emulator: Microsoft sign-in and Graph on loopback, for tests and local work")
			set.SetOutput(stderr)
			set.PrintDefaults()
		}
		return f, usageError{err}
	}
	if set.NArg() > 0 {
		return f, usageError{fmt.Errorf("unexpected argument %q; all settings are flags, see -help", set.Arg(0))}
	}
	return f, nil
}

// options translates the flags.
func (f flags) options() ([]entratest.Option, error) {
	opts := []entratest.Option{entratest.WithFrontChannelLogout(f.frontChannel), entratest.WithAppPermissions(f.appPermissions...)}
	for _, name := range f.certificates {
		certificates, err := readCertificates(name)
		if err != nil {
			return nil, usageError{err}
		}
		opts = append(opts, entratest.WithCertificate(certificates...))
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
	return append(opts, entratest.WithRedirectURI(f.redirectURIs...), entratest.WithLogoutURI(f.logoutURIs...)), nil
}

// readCertificates reads the certificates of a PEM file; a private key beside them is passed over.
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
		return nil, fmt.Errorf("%s has no certificate in PEM", name)
	}
	return out, nil
}

// newServer makes the server, or says what is wrong with the flags.
func newServer(opts []entratest.Option) (s *entratest.Server, err error) {
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case string: // what New says of contradictory options
			err = usageError{errors.New(strings.TrimPrefix(reason, "entratest: "))}
		default:
			panic(reason)
		}
	}()
	return entratest.New(opts...), nil
}

// ready is the line that tells a client how to find its way.
type ready struct {
	Authority    string `json:"authority"`
	GraphURL     string `json:"graph_url"`
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

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	f, err := parse(args, stderr)
	if err != nil {
		return err
	}
	opts, err := f.options()
	if err != nil {
		return err
	}
	s, err := newServer(opts)
	if err != nil {
		return err
	}
	switch err := s.Listen(entratest.ListenConfig{HTTP: f.http, HTTPS: f.https}); {
	case errors.Is(err, entratest.ErrNotLoopback):
		return usageError{err}
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	caFile, err := writeCA(f.caOut, s.CAPEM())
	if err != nil {
		return err
	}
	if f.caOut == "" {
		defer func() { err = errors.Join(err, os.Remove(caFile)) }()
	}
	line := ready{s.Authority, s.GraphURL, s.TenantID, s.ClientID, s.ClientSecret, caFile, describe(s.Users())}
	if err := json.NewEncoder(stdout).Encode(line); err != nil {
		return fmt.Errorf("printing the ready line: %w", err)
	}
	<-ctx.Done()
	return nil
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

// writeCA writes the certificate to the file, or to a new temporary one.
func writeCA(name string, pem []byte) (string, error) {
	if name != "" {
		if err := os.WriteFile(name, pem, 0o644); err != nil { // #nosec G306 -- a public certificate
			return "", fmt.Errorf("writing the certificate: %w", err)
		}
		return name, nil
	}
	file, err := os.CreateTemp("", "entra-emulator-*.pem")
	if err != nil {
		return "", fmt.Errorf("writing the certificate: %w", err)
	}
	_, err = file.Write(pem)
	return file.Name(), errors.Join(err, file.Close())
}
