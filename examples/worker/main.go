// Worker is a nightly job for a web app. It acts for users who are signed in to the web app, without a
// request from them, or as the app itself.
//
//	worker adelev@contoso.com alexw@contoso.com   for these users
//	worker                                        for all users who are signed in
//	worker -as-app 87d349ed-44d7-43e1-9a83-5f2406dee5bd
//
// It needs the environment of the web app, including Redis and keys, see fibermsal.ConfigFromEnv. It
// does not work with an app that keeps its sessions in a file, because only one process at a time can
// use the file; such an app must do this work itself.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal"
	_ "github.com/fibermsal/fibermsal/embedded" // FIBERMSAL_STORAGE_FILE
	"github.com/fibermsal/fibermsal/graph"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	set := flag.NewFlagSet("worker", flag.ContinueOnError)
	actAsApp := set.Bool("as-app", false, "act as the app itself; the arguments are object `ids` of users")
	pause := set.Duration("pause", 30*time.Second, "the minimum time to wait before a retry of tasks that were unavailable")
	if err := set.Parse(args); err != nil {
		return err
	}
	// The web app's own variables share the prefix.
	cfg, err := fibermsal.ConfigFromEnv("FIBERMSAL", "TLS_CERT_FILE", "TLS_KEY_FILE", "EMULATOR_PORT")
	if err != nil {
		return err
	}
	if cfg.Storage == nil {
		return errors.New("FIBERMSAL_REDIS_URL is required: it is where the web app keeps its sessions")
	}
	defer func() { err = errors.Join(err, cfg.Storage.Close()) }()
	if err := cfg.ValidateEnv("FIBERMSAL"); err != nil {
		return err // with the names of the variables
	}
	auth, err := fibermsal.Open(cfg) //nolint:contextcheck // it makes no calls
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, auth.Close()) }()
	j := &job{auth: auth, out: out, pause: *pause}
	var tasks []task
	switch {
	case *actAsApp:
		tasks = j.forUsers(set.Args())
	case set.NArg() > 0:
		tasks = j.forMails(set.Args())
	default:
		if tasks, err = j.forEverybody(ctx); err != nil {
			return err
		}
	}
	return j.do(ctx, tasks)
}

// job is one run of the worker.
type job struct {
	auth  *fibermsal.Auth
	out   io.Writer
	pause time.Duration
}

// task is the work for one user. do returns what it did.
type task struct {
	whom  string
	do    func(context.Context) (did string, err error)
	isApp bool // it uses no session, so a sign-in does not help
}

// forMails returns tasks for users, by their complete mail addresses.
func (j *job) forMails(addresses []string) (tasks []task) {
	for _, address := range addresses {
		tasks = append(tasks, task{address, func(ctx context.Context) (string, error) {
			u, err := j.auth.UserByMail(ctx, address)
			if err != nil {
				return "", err
			}
			return describe(ctx, u)
		}, false})
	}
	return tasks
}

// forEverybody returns a task for each user who is signed in. It identifies users by ID, because not
// all of them have a mail address.
func (j *job) forEverybody(ctx context.Context) (tasks []task, err error) {
	type identity struct{ tenant, user string }
	seen := map[identity]bool{}
	for session, err := range j.auth.Sessions(ctx, fibermsal.SessionFilter{}) {
		if err != nil {
			return nil, err
		}
		who := identity{session.User.TenantID, session.User.ID}
		if seen[who] {
			continue
		}
		seen[who] = true
		tasks = append(tasks, task{session.User.Username, func(ctx context.Context) (string, error) {
			u, err := j.auth.UserByID(ctx, who.tenant, who.user)
			if err != nil {
				return "", err
			}
			return describe(ctx, u)
		}, false})
	}
	return tasks, nil
}

// describe calls Graph as the user.
func describe(ctx context.Context, u *fibermsal.DelegatedUser) (string, error) {
	credential := u.TokenCredential()
	me, err := graph.MeFor(credential).Get(ctx, nil)
	if err != nil {
		return "", err
	}
	manager, err := graph.MeFor(credential).Manager().Get(ctx, nil)
	if errors.Is(err, graph.ErrNotFound) {
		return text(me.GetDisplayName()) + ", without a manager", nil
	}
	if err != nil {
		return "", err
	}
	name := "somebody"
	if m, ok := manager.(models.Userable); ok {
		name = text(m.GetDisplayName())
	}
	return text(me.GetDisplayName()) + ", whose manager is " + name, nil
}

// forUsers returns tasks that call Graph as the app, for users who need not be signed in. An
// administrator must consent to the application permission User.Read.All.
func (j *job) forUsers(ids []string) (tasks []task) {
	directory := users.NewUsersRequestBuilderInternal(map[string]string{}, graph.AdapterFor(j.auth.AppCredential()))
	for _, id := range ids {
		tasks = append(tasks, task{id, func(ctx context.Context) (string, error) {
			user, err := directory.ByUserId(id).Get(ctx, nil)
			if err != nil {
				return "", err
			}
			return text(user.GetDisplayName()) + ", by the app", nil
		}, true})
	}
	return tasks
}

// rounds is how often a task is tried while a service is unavailable.
const rounds = 3

// do runs all tasks, and retries those that failed for a temporary reason.
func (j *job) do(ctx context.Context, tasks []task) error {
	failed := 0
	for round := 1; ; round++ {
		var later []task
		wait := j.pause
		for _, t := range tasks {
			did, err := t.do(ctx)
			switch {
			case err == nil:
				j.say(t, did)
			case errors.Is(err, fibermsal.ErrNotSignedIn):
				j.say(t, "skipped, "+whyNone(err))
			case !t.isApp && mustSignIn(err):
				j.say(t, "must sign in again")
			case errors.Is(err, fibermsal.ErrUnavailable) && round < rounds:
				later, wait = append(later, t), max(wait, retryAfter(err))
				j.say(t, "unavailable, will be tried again")
			default:
				failed++
				j.say(t, "failed: "+err.Error())
			}
		}
		if tasks = later; len(tasks) == 0 {
			break
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d could not be done", failed)
	}
	return nil
}

// mustSignIn reports whether the user must sign in again in the browser.
func mustSignIn(err error) bool {
	return errors.Is(err, fibermsal.ErrLoginRequired) || errors.Is(err, fibermsal.ErrConsentRequired) || errors.Is(err, fibermsal.ErrClaimsChallenge)
}

// whyNone returns why no session was found.
func whyNone(err error) string {
	var e *fibermsal.Error
	if errors.As(err, &e) && strings.HasPrefix(e.Reason, "mail_") {
		return "because several signed-in users have this address"
	}
	return "is not signed in"
}

// retryAfter returns how long to wait before a retry, or 0 if that is unknown.
func retryAfter(err error) time.Duration {
	var e *fibermsal.Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

func (j *job) say(t task, what string) { fmt.Fprintf(j.out, "%s: %s\n", t.whom, what) }

// text returns the value of a property that Graph may omit.
func text(s *string) string {
	if s == nil {
		return "nameless"
	}
	return *s
}
