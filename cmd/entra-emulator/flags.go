package main

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/fibermsal/fibermsal/entratest"
)

// flags is the command line.
type flags struct {
	http, https              string
	httpsPages               bool
	tenant, client, secret   string
	redirectURIs, logoutURIs list
	spaURIs                  list
	certificates             list
	appPermissions, apis     list
	frontChannel             string
	cloud                    string
	externalID               bool
	graphFiles, users        string
	caOut, stateDir          string
	env, auto                bool
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
	set := f.set()
	set.SetOutput(io.Discard) // errors are printed by main, help below
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

// set returns a flag set that sets f.
func (f *flags) set() *flag.FlagSet {
	set := flag.NewFlagSet("entra-emulator", flag.ContinueOnError)
	f.declareServer(set)
	set.StringVar(&f.tenant, "tenant", "", "tenant `id`, a GUID (default: a fixed one)")
	set.StringVar(&f.client, "client-id", "", "the application's `id`, a GUID (default: a fixed one)")
	set.StringVar(&f.secret, "client-secret", "", "the application's `secret` (default: a random one)")
	set.Var(&f.redirectURIs, "redirect-uri", "registered redirect `URI`; repeatable (default: "+entratest.DefaultRedirectURI+", on any port)")
	set.Var(&f.spaURIs, "spa-redirect-uri", "registered redirect `URI` of a single-page app, a public client; repeatable")
	set.Var(&f.logoutURIs, "logout-uri", "another registered `URI` to which a logout may redirect; repeatable")
	set.Var(&f.certificates, "certificate", "PEM `file` with a certificate of the application, for signed assertions; repeatable")
	set.Var(&f.appPermissions, "app-permission", "application `permission` that an administrator has consented to, such as User.Read.All; repeatable")
	set.Var(&f.apis, "api", "`API` other than Graph, as 'URI scope scope', such as 'api://orders Orders.Read'; the URI of the app's own API is api://<client-id>; the word v1 selects version 1 access tokens; repeatable")
	set.StringVar(&f.frontChannel, "front-channel-logout-url", "", "the application's front-channel logout `URL` (default: none)")
	set.StringVar(&f.cloud, "cloud", "", "Microsoft's `cloud`: public, us-government, us-dod, china, bleu, delos or gov-sg (default: none of them)")
	set.BoolVar(&f.externalID, "external-id", false, "emulate an External ID tenant, whose issuer is at ciamlogin.com")
	set.StringVar(&f.graphFiles, "graph-files", "", "`directory` with responses of Graph: me/messages.json for GET /v1.0/me/messages, me/sendMail.post.json for POST")
	set.StringVar(&f.users, "users", "", "JSON `file` with a list of users that replace the sample users, with the fields of entratest.User")
	set.BoolVar(&f.auto, "auto", false, "sign in the account of a login_hint without showing a page")
	return set
}

// declareServer declares the flags for the program itself.
func (f *flags) declareServer(set *flag.FlagSet) {
	set.StringVar(&f.http, "http", "127.0.0.1:8400", "loopback `address` for browsers")
	set.StringVar(&f.https, "https", "127.0.0.1:8443", "loopback `address` for programs, over TLS")
	set.BoolVar(&f.httpsPages, "https-pages", false, "serve the sign-in pages over https, for clients that accept nothing else (openid-client, passport-azure-ad)")
	set.StringVar(&f.stateDir, "state-dir", "", "`directory` in which the certificate authority and the client secret are kept for the next run (default: none; each run has new ones)")
	set.StringVar(&f.caOut, "ca-out", "", "`file` for the certificate to trust (default: ca.pem in -state-dir, or a new file in the temporary directory)")
	set.BoolVar(&f.env, "env", false, "print shell export commands instead of JSON")
}
