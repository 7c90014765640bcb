package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// command is one of the program's commands.
type command interface {
	// flags declares the command's own flags.
	flags(*flag.FlagSet)
	// check rejects invalid flags before the environment is read.
	check(*console) error
	run(context.Context, *tool) error
	// appTimeouts reports whether the app's own timeouts for Redis apply.
	appTimeouts() bool
}

// entry is a command in the list of the help.
type entry struct {
	name, about, more string
	make              func() command
}

var commands = []entry{
	{"sessions list", "List the sessions of signed-in users.", `
Sessions must match all flags that are given. Without flags, all sessions are listed, in no particular
order. ENDS is when the session ends if it is not used again; -json shows its idle timeout and its
absolute end separately. LAST SEEN is - if the app has a longer idle timeout than this command.

  fibermsal sessions list -mail adele@contoso.com
  fibermsal sessions list -json | jq -r .username | sort | uniq -c
`, func() command { return &listCommand{} }},
	{"sessions end", "Sign users out, on all instances at once.", `
Sessions must match all flags that are given; at least one flag is required. Without -yes, the
sessions are shown, and you must confirm. A mail address may belong to several users; the sessions of
all of them end. Sign-ins in progress do not begin a session. An audit record on stderr shows what was done, by
whom, and how many sessions ended; with -v there is one for each session. Only status 0 means that
the sessions have ended on all instances.
Users are not signed out of Microsoft, so most can sign in to the app again with a click. To prevent
that, block the user's sign-in in Entra first.

  fibermsal sessions end -id 4gAY…
  fibermsal sessions end -tenant 72f988bf-… -user 87d349ed-… -yes
  fibermsal sessions end -user 87d349ed-… -yes -reason "INC-4711, laptop stolen"
  fibermsal sessions end -before now
`, func() command { return &endCommand{} }},
	{"sessions clean", "Remove what ended sessions left behind, and count unreadable sessions.", `
This is optional, because leftovers expire by themselves, but it frees memory sooner. It may run at any
time. Sessions that none of the keys opens are counted but not removed, with status 1. They belong to
an instance with other keys, or were sealed with a key that was removed too early.
`, func() command { return &cleanCommand{} }},
	{"version", "Print the version of this program.", `
It uses neither the environment nor the network.
`, func() command { return &versionCommand{} }},
	{"doctor", "Check the configuration and everything that signing in depends on.", `
Each finding has a severity and a code, and explains why it matters and how to fix it. An error prevents
users from signing in, or signs them out; a warning does not yet. A code that ends in _unchecked means
that a check could not run. The status is 1 if there is an error or a warning.

With -json it prints one finding per line. It makes several calls to Entra and sends a few dozen commands to
Redis, and it changes nothing.
`, func() command { return &doctorCommand{} }},
}

// dispatch runs the command in the arguments.
func dispatch(ctx context.Context, args []string, c *console) error {
	if len(args) == 0 {
		usage(c.err)
		return usageError{errors.New("no command was given")}
	}
	for _, e := range commands {
		words := strings.Fields(e.name)
		if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
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

func execute(ctx context.Context, e entry, args []string, c *console) (err error) {
	var o options
	cmd := e.make()
	if err := parse(e, cmd, &o, args, c); err != nil {
		return err
	}
	if err := cmd.check(c); err != nil {
		return usageError{err}
	}
	if alone, ok := cmd.(interface{ runAlone(*tool) error }); ok {
		return alone.runAlone(&tool{console: c, options: o})
	}
	t, err := open(o, cmd.appTimeouts(), c) //nolint:contextcheck // it makes no call
	if err != nil {
		return asFailureOf(ctx, cmd, &tool{console: c, options: o, users: new(users)}, usageError{err})
	}
	defer func() { err = errors.Join(err, t.close()) }() //nolint:contextcheck // also after an interruption
	stop := context.AfterFunc(ctx, t.hangUp)
	defer stop()
	return cmd.run(ctx, t)
}

// asFailureOf returns the error of a command that cannot start.
func asFailureOf(ctx context.Context, cmd command, t *tool, err error) error {
	if records, ok := cmd.(interface {
		cannotBegin(context.Context, *tool, error) error
	}); ok {
		return records.cannotBegin(ctx, t, err)
	}
	return err
}

// parse sets the flags of a command.
func parse(e entry, cmd command, o *options, args []string, c *console) error {
	set := flag.NewFlagSet(e.name, flag.ContinueOnError)
	o.command, o.set = e.name, set
	defer func() { c.asJSON, c.variables = o.json, o.prefix }()
	set.SetOutput(io.Discard) // errors are printed by run, help below
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
	return nil
}

// usage lists the commands.
func usage(w io.Writer) {
	fmt.Fprint(w, "Fibermsal lists and ends the sessions of an app that signs its users in with Microsoft, and diagnoses\nits configuration.\n\nusage: fibermsal <command> [flags]\n\n")
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, e := range commands {
		fmt.Fprintf(table, "  %s\t%s\n", e.name, e.about)
	}
	_ = table.Flush() // as for every other print
	fmt.Fprint(w, `
"fibermsal <command> -h" lists the flags of a command.

The environment must be that of the app, such as FIBERMSAL_CLIENT_ID, FIBERMSAL_KEYS and
FIBERMSAL_REDIS_URL. The value of each variable may be in a mounted file instead: append _FILE to the
name and set it to the path. The file in FIBERMSAL_STORAGE_FILE can be used while the app is stopped, and by doctor at
any time.

With -json, each command prints one JSON object per line, and the last one has the field error if the
command failed. Ctrl-C stops a long command between two sessions. It then prints what remains and the
command with which to continue. A second Ctrl-C stops it immediately.

Exit status: 0 success, 1 something failed or was found, 2 the command line or the
environment is invalid.
`)
}
