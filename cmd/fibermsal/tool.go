package main

import (
	"errors"
	"flag"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/filestore"
	"github.com/fibermsal/fibermsal/internal/storagefile"
)

// config is a Config without a web framework.
type config = entra.Config[struct{}]

// options are the flags of every command.
type options struct {
	prefix        string
	own           names
	json, verbose bool

	command string        // as in the help
	set     *flag.FlagSet // after parsing
}

func (o *options) flags(set *flag.FlagSet) {
	set.StringVar(&o.prefix, "prefix", "FIBERMSAL", "`prefix` of the environment variables")
	set.Var(&o.own, "own", "`names` of the app's own variables with the prefix, written without the prefix and separated by commas")
	set.BoolVar(&o.json, "json", false, "print JSON, one object per line; an error is an object with the field error; the log on stderr is also JSON")
	set.BoolVar(&o.verbose, "v", false, "log the library's actions to stderr")
}

// tool contains everything that a command needs.
type tool struct {
	*console
	options
	cfg     config
	service *entra.Service
	users   *users // whose sessions ended
	missing error  // some of the app's keys are missing here
	closing sync.Once
}

// exampleVariables begin with the default prefix and belong to examples/fiber-app.
var exampleVariables = []string{"TLS_CERT_FILE", "TLS_KEY_FILE", "EMULATOR_PORT"}

// open reads the environment and opens the library. With appTimeouts, the app's own timeouts for Redis
// apply.
func open(o options, appTimeouts bool, c *console) (*tool, error) {
	if !o.verbose {
		logging.Disable() // go-redis' own log, which repeats the error that the command prints
	}
	storagefile.Register(func(path string) (storagefile.Storage, error) { return openFile(path, appTimeouts) })
	own := slices.Concat(exampleVariables, o.own)
	cfg, err := entra.ConfigFromEnv[struct{}](o.prefix, own...)
	if err != nil {
		return nil, environmentError(err)
	}
	if err := cfg.ValidateEnv(o.prefix); err != nil {
		return nil, errors.Join(environmentError(err), closeOf(cfg.Storage))
	}
	level := slog.LevelWarn
	if o.verbose {
		level = slog.LevelDebug
	}
	t := &tool{console: c, options: o, users: new(users)}
	cfg.Logger = slog.New(trail{t.handler(level), t.users})
	if !appTimeouts {
		cfg.Storage = tolerant(cfg.Storage)
	}
	t.cfg = cfg
	if t.service, err = entra.Open(cfg, entra.Process{}); err != nil {
		return nil, errors.Join(environmentError(err), t.closeStorage())
	}
	return t, nil
}

// handler returns a log handler that writes to stderr.
func (t *tool) handler(level slog.Level) slog.Handler {
	options := &slog.HandlerOptions{Level: level}
	if t.json {
		return slog.NewJSONHandler(t.err, options)
	}
	return slog.NewTextHandler(t.err, options)
}

// hangUp ends commands to which Redis does not reply, because go-redis waits for the reply even after
// its context has ended. It first waits for commands to which Redis is still replying.
func (t *tool) hangUp() {
	time.Sleep(answerTime)
	_ = t.closeStorage() // the command reports what failed
}

// answerTime is how long Redis may still reply after an interruption.
const answerTime = time.Second

func (t *tool) close() error { return errors.Join(t.service.Close(), t.closeStorage()) }

func (t *tool) closeStorage() error {
	var err error
	t.closing.Do(func() {
		err = closeOf(t.cfg.Storage)
	})
	return err
}

func closeOf(storage entra.Storage) error {
	if storage == nil {
		return nil
	}
	return storage.Close()
}

// openFile opens the app's file of sessions, which must exist. With examine, the app may use the file
// at the same time.
func openFile(path string, examine bool) (storagefile.Storage, error) {
	return filestore.Open(path, filestore.Options{MustExist: true, Examine: examine})
}

// requireStorage returns an error if the sessions are not accessible from outside the app.
func (t *tool) requireStorage() error {
	if t.cfg.Storage != nil {
		return nil
	}
	prefix := strings.TrimSuffix(t.prefix, "_") + "_"
	return usageError{environmentError(errors.New(prefix + "REDIS_URL is required: sessions in an app's own memory cannot be seen from outside; " +
		"those in a " + prefix + "STORAGE_FILE can, while the app is stopped"))}
}
