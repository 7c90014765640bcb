package main

import (
	"errors"
	"flag"
	"log/slog"
	"strings"

	"github.com/redis/go-redis/v9/logging"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/filestore"
	"github.com/fibermsal/fibermsal/internal/storagefile"
)

// config is a Config without a web framework.
type config = entra.Config[struct{}]

// options are the flags of every command.
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

// tool is what a command works with.
type tool struct {
	*console
	options
	cfg     config
	service *entra.Service
}

// exampleVariables begin with the default prefix and belong to examples/fiber-app.
var exampleVariables = []string{"TLS_CERT_FILE", "TLS_KEY_FILE", "EMULATOR_PORT"}

// open reads the environment. With appTimeouts Redis must answer as fast as for the app.
func open(o options, appTimeouts bool, c *console) (*tool, error) {
	if !o.verbose {
		logging.Disable() // go-redis' own log, which repeats the error that the command prints
	}
	storagefile.Register(func(path string) (storagefile.Storage, error) { return openFile(path, appTimeouts) })
	own := append(strings.Split(o.own, ","), exampleVariables...)
	cfg, err := entra.ConfigFromEnv[struct{}](o.prefix, own...)
	if err != nil {
		return nil, environmentError(o.prefix, err)
	}
	level := slog.LevelWarn
	if o.verbose {
		level = slog.LevelDebug
	}
	cfg.Logger = slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: level}))
	if !appTimeouts {
		cfg.Storage = tolerant(cfg.Storage)
	}
	t := &tool{console: c, options: o, cfg: cfg}
	if t.service, err = entra.Open(cfg, entra.Process{}); err != nil {
		return nil, errors.Join(environmentError(o.prefix, err), t.closeStorage())
	}
	return t, nil
}

func (t *tool) close() error { return errors.Join(t.service.Close(), t.closeStorage()) }

func (t *tool) closeStorage() error {
	if t.cfg.Storage == nil {
		return nil
	}
	return t.cfg.Storage.Close()
}

// openFile opens the app's file of sessions, without making one. To examine it, the app may use it.
func openFile(path string, examine bool) (storagefile.Storage, error) {
	return filestore.Open(path, filestore.Options{MustExist: true, Examine: examine})
}

// requireStorage returns an error if the sessions cannot be seen from outside the app.
func (t *tool) requireStorage() error {
	if t.cfg.Storage != nil {
		return nil
	}
	prefix := strings.TrimSuffix(t.prefix, "_") + "_"
	return usageError{environmentError(t.prefix, errors.New(prefix+"REDIS_URL is required: sessions in an app's own memory cannot be seen from outside; "+
		"those in a "+prefix+"STORAGE_FILE can, while the app is stopped"))}
}
