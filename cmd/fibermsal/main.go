// Fibermsal looks after an app that signs its users in with package fibermsal: who is signed in, and
// whether everything that signing in depends on is as it should be.
//
//	fibermsal sessions list -mail adele@contoso.com
//	fibermsal sessions end -user 87d349ed-44d7-43e1-9a83-5f2406dee5bd
//	fibermsal sessions clean
//	fibermsal doctor -json
//
// It reads the environment of the app, see fibermsal.ConfigFromEnv. With status 0 all is well, with 1
// something failed or was found, with 2 the command line or the environment is not right.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/redis/go-redis/v9/logging"

	"github.com/fibermsal/fibermsal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], newConsole(os.Stdin, os.Stdout, os.Stderr))
	stop()
	os.Exit(status)
}

const (
	statusOK    = 0
	statusFound = 1
	statusUsage = 2
)

// usageError is a mistake of whoever wrote the command line or the environment.
type usageError struct{ error }

// Unwrap returns the reason.
func (e usageError) Unwrap() error { return e.error }

// errFound says that there is something to do, which has been printed.
var errFound = errors.New("found")

// run is the program. It returns the exit status.
func run(ctx context.Context, args []string, c *console) int {
	err := dispatch(ctx, args, c)
	if flushErr := c.out.Flush(); err == nil {
		err = flushErr
	}
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return statusOK
	case errors.Is(err, errFound):
		return statusFound
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	fmt.Fprintln(c.err, "fibermsal:", printable(explain(err)))
	if errors.As(err, new(usageError)) {
		return statusUsage
	}
	return statusFound
}

// command is something that the program does.
type command interface {
	// flags declares those of the command's own.
	flags(*flag.FlagSet)
	// check refuses what is wrong about them, before anything is asked or opened.
	check(*console) error
	run(context.Context, *tool) error
	// likeTheApp reports whether Redis must answer as fast as it has to for the app.
	likeTheApp() bool
}

// entry is a command as the help lists it.
type entry struct {
	name, about, more string
	make              func() command
}

var commands = []entry{
	{"sessions list", "Show who is signed in.", `
All flags that are given must apply; without any, all sessions are shown, in no order. A session ends
when it was idle for too long, or at its absolute end, which -json tells apart: one object a line.

  fibermsal sessions list -mail adele@contoso.com
  fibermsal sessions list -json | jq -r .username | sort | uniq -c
`, func() command { return &listCommand{} }},
	{"sessions end", "Sign users out, on all instances at once.", `
All flags that are given must apply, and at least one must be. Without -yes, the sessions are shown
and the question is asked whether to end them. A mail address may belong to several users: the
sessions of all of them end. Sign-ins that are under way begin no session. With -v the audit log says whose ended. Users are not
signed out of Microsoft: whoever still is signs in to the app again with a click.

  fibermsal sessions end -id 4gAY…
  fibermsal sessions end -tenant 72f988bf-… -user 87d349ed-… -yes
  fibermsal sessions end -before now
`, func() command { return &endCommand{} }},
	{"sessions clean", "Remove what ended sessions left behind, and tell what does not open.", `
Nothing depends on it: what is left behind ends by itself. It makes room sooner, and may run at any
time. Sessions that no key at hand opens are counted and left alone, with status 1: they belong to an
instance with other keys, or to a key that was removed too early.
`, func() command { return &cleanCommand{} }},
	{"doctor", "Check the configuration and everything that signing in depends on.", `
It makes some calls to Entra and some dozen commands to Redis, and changes nothing. The status is 1 if
there is anything to do.
`, func() command { return &doctorCommand{} }},
}

func dispatch(ctx context.Context, args []string, c *console) error {
	if len(args) == 0 {
		usage(c.err)
		return usageError{errors.New("say what to do")}
	}
	for _, e := range commands {
		words := strings.Fields(e.name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == e.name {
			return execute(ctx, e, args[len(words):], c)
		}
	}
	if slices.ContainsFunc(args, func(a string) bool { return slices.Contains([]string{"-h", "-help", "--help", "help"}, a) }) {
		usage(c.out)
		return flag.ErrHelp
	}
	usage(c.err)
	return usageError{fmt.Errorf("there is no command %q", strings.Join(args, " "))}
}

// options are what every command knows.
type options struct {
	prefix, own   string
	json, verbose bool
}

func (o *options) flags(set *flag.FlagSet) {
	set.StringVar(&o.prefix, "prefix", "FIBERMSAL", "`name` that the variables of the environment begin with")
	set.StringVar(&o.own, "own", "", "`names` of variables that begin with the prefix and are the app's own, without it and with commas between")
	set.BoolVar(&o.json, "json", false, "print JSON")
	set.BoolVar(&o.verbose, "v", false, "log to stderr what the library does")
}

func execute(ctx context.Context, e entry, args []string, c *console) (err error) {
	set := flag.NewFlagSet(e.name, flag.ContinueOnError)
	set.SetOutput(io.Discard) // errors are printed by run, help below
	var o options
	cmd := e.make()
	cmd.flags(set)
	o.flags(set)
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(c.out, "usage: fibermsal %s [flags]\n\n%s\n%s\n", e.name, e.about, e.more)
		set.SetOutput(c.out)
		set.PrintDefaults()
		return err
	case err != nil:
		return usageError{fmt.Errorf("%w; see fibermsal %s -h", err, e.name)}
	case set.NArg() > 0:
		return usageError{fmt.Errorf("unexpected argument %q; see fibermsal %s -h", set.Arg(0), e.name)}
	}
	if err := cmd.check(c); err != nil {
		return usageError{err}
	}
	t, err := open(o, cmd.likeTheApp(), c) //nolint:contextcheck // it calls nobody
	if err != nil {
		return usageError{err}
	}
	defer func() { err = errors.Join(err, t.close()) }() //nolint:contextcheck // also after an interruption
	return cmd.run(ctx, t)
}

// tool is what a command works with.
type tool struct {
	*console
	options
	cfg  fibermsal.Config
	auth *fibermsal.Auth
}

// exampleVariables share the usual prefix: they are those of examples/fiber-app.
var exampleVariables = []string{"TLS_CERT_FILE", "TLS_KEY_FILE", "EMULATOR_PORT"}

func open(o options, likeTheApp bool, c *console) (*tool, error) {
	if !o.verbose {
		logging.Disable() // the log of go-redis, which says in its words what the program says once
	}
	own := append(strings.Split(o.own, ","), exampleVariables...)
	cfg, err := fibermsal.ConfigFromEnv(o.prefix, own...)
	if err != nil {
		return nil, environmentError(o.prefix, err)
	}
	level := slog.LevelWarn
	if o.verbose {
		level = slog.LevelDebug
	}
	cfg.Logger = slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: level}))
	t := &tool{console: c, options: o, cfg: cfg}
	if !likeTheApp {
		t.patient()
	}
	if t.auth, err = fibermsal.Open(t.cfg); err != nil {
		return nil, errors.Join(environmentError(o.prefix, err), t.closeStorage())
	}
	return t, nil
}

func (t *tool) close() error { return errors.Join(t.auth.Close(), t.closeStorage()) }

func (t *tool) closeStorage() error {
	if t.cfg.Storage == nil {
		return nil
	}
	return t.cfg.Storage.Close()
}

// usage lists the commands.
func usage(w io.Writer) {
	fmt.Fprint(w, "Fibermsal looks after an app that signs its users in with Microsoft: who is signed in, and whether\neverything that signing in depends on is as it should be.\n\nusage: fibermsal <command> [flags]\n\n")
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, e := range commands {
		fmt.Fprintf(table, "  %s\t%s\n", e.name, e.about)
	}
	_ = table.Flush() // as every other print
	fmt.Fprint(w, `
"fibermsal <command> -h" lists the flags of one.

The environment is the app's own, such as FIBERMSAL_CLIENT_ID, FIBERMSAL_KEYS and
FIBERMSAL_REDIS_URL; each variable may have _FILE at its end and name a mounted file.

Exit status: 0 all is well, 1 something failed or was found, 2 the command line or the
environment is not right.
`)
}
