package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCommand prints the version of this program.
type versionCommand struct{}

func (versionCommand) flags(*flag.FlagSet) {}

func (versionCommand) check(*console) error { return nil }

func (versionCommand) appTimeouts() bool { return false }

func (versionCommand) run(_ context.Context, t *tool) error { return versionCommand{}.runAlone(t) }

// build describes the version from which this program was built.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// runAlone prints the version without reading the environment of the app.
func (versionCommand) runAlone(t *tool) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this program was built without build information")
	}
	b := buildOf(info)
	text := "fibermsal " + b.Version
	if b.Revision != "" {
		text += fmt.Sprintf(" (%s of %s)", b.Revision, b.Time)
	}
	if b.Modified {
		text += ", modified"
	}
	return t.print(b, "%s, %s, %s\n", text, b.Go, b.Platform)
}

func buildOf(info *debug.BuildInfo) build {
	b := build{Version: info.Main.Version, Go: info.GoVersion, Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if b.Version == "" {
		b.Version = "(devel)"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
