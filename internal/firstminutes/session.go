package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The states of the build cache.
const (
	asItIs = "the build cache as it is"
	empty  = "an empty build cache"
	again  = "the second time"
)

// session is one try of a way, in a directory of its own.
type session struct {
	place     *place
	version   string // of Fiber
	guide     instructions
	cache     string // its state at the beginning
	goCache   string
	directory string
	out       io.Writer
}

// walkAll takes all walks for a version of Fiber.
func (p *place) walkAll(ctx context.Context, version string, cold bool) (taken []*walk, err error) {
	guide, err := read(p.clone, version)
	if err != nil {
		return nil, err
	}
	for _, way := range ways {
		s := &session{place: p, version: version, guide: guide, goCache: p.goEnv["GOCACHE"], out: p.out}
		walks, err := s.take(ctx, way, cold)
		taken = append(taken, walks...)
		if err != nil {
			return taken, err
		}
	}
	return taken, nil
}

// take goes a way with each state of the build cache. The directory always has the same name, because the cache
// contains packages of other modules by their directory.
func (s *session) take(ctx context.Context, way way, cold bool) (taken []*walk, err error) {
	states := []string{asItIs}
	if cold {
		states = []string{empty, again}
		s.goCache = filepath.Join(s.place.scratch, "cache")
	}
	s.directory = filepath.Join(s.place.scratch, "walk")
	defer func() {
		if cold {
			err = errors.Join(err, os.RemoveAll(s.goCache))
		}
	}()
	for _, state := range states {
		s.cache = state
		walks, err := s.once(ctx, way)
		taken = append(taken, walks...)
		if err != nil {
			return taken, err
		}
	}
	return taken, nil
}

// once goes a way in an empty directory.
func (s *session) once(ctx context.Context, way way) (taken []*walk, err error) {
	if err := os.MkdirAll(filepath.Join(s.directory, "home"), 0o755); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.directory)) }()
	return way(ctx, s)
}

// begin prints the title of a walk.
func (s *session) begin(title string) *walk {
	fmt.Fprintf(s.out, "\n%s, %s (%s)\n", s.version, title, s.cache)
	return &walk{version: s.version, title: title, cache: s.cache, out: s.out}
}

// in returns a shell in a directory of the session.
func (s *session) in(directory string) shell {
	return shell{filepath.Join(s.directory, directory), s.env()}
}

// atHome returns a shell whose home directory is one of the session.
func (s *session) atHome(directory string) shell {
	return shell{directory, append(s.env(), "HOME="+filepath.Join(s.directory, "home"))}
}

// env is the environment of a newcomer, who has configured nothing.
func (s *session) env() []string {
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "FIBERMSAL_") || strings.HasPrefix(variable, "PORT=")
	})
	for _, name := range []string{"GOMODCACHE", "GOPATH", "GOENV"} { // which depend on HOME
		env = append(env, name+"="+s.place.goEnv[name])
	}
	return append(env, "GOCACHE="+s.goCache, "GOPROXY="+s.place.proxy)
}
