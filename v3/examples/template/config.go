//go:build !emulator

package main

import "github.com/fibermsal/fibermsal/v3"

// host is where the app listens: everywhere.
const host = ""

// configure reads the environment. The app must call the returned function when it ends.
func configure(string) (cfg fibermsal.Config, stop func() error, err error) {
	cfg, err = fibermsal.ConfigFromEnv("FIBERMSAL")
	if err == nil {
		err = cfg.ValidateEnv("FIBERMSAL")
	}
	stop = func() error { return nil }
	if cfg.Storage != nil {
		stop = cfg.Storage.Close
	}
	return cfg, stop, err
}
