package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// place is where the walks begin.
type place struct {
	repository string
	scratch    string            // removed in the end
	clone      string            // of the last commit, in scratch
	goEnv      map[string]string // of the user
	proxy      string            // for modules
	stopProxy  func()
	out        io.Writer
}

// ports are those that the documents use.
var ports = []string{"3000", "8400", "8443"}

// newPlace clones the repository of the working directory.
func newPlace(ctx context.Context, out io.Writer) (_ *place, err error) {
	for _, port := range ports {
		if err := free(ctx, port); err != nil {
			return nil, err
		}
	}
	repository, err := said(ctx, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "first-minutes-")
	if err != nil {
		return nil, err
	}
	p := &place{repository: repository, scratch: scratch, clone: filepath.Join(scratch, "fibermsal"), out: out}
	defer func() {
		if err != nil {
			p.remove()
		}
	}()
	environment, err := said(ctx, "go", "env", "-json", "GOVERSION", "GOCACHE", "GOMODCACHE", "GOPATH", "GOENV", "GOPROXY")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(environment), &p.goEnv); err != nil {
		return nil, err
	}
	if p.proxy, p.stopProxy, err = unpublished(ctx, p.goEnv["GOPROXY"]); err != nil {
		return nil, err
	}
	return p, p.cloneHead(ctx)
}

// cloneHead clones what is committed, and mentions what is not.
func (p *place) cloneHead(ctx context.Context) error {
	if _, err := said(ctx, "git", "clone", "--quiet", p.repository, p.clone); err != nil {
		return err
	}
	head, err := said(ctx, "git", "-C", p.repository, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	if cloned, err := said(ctx, "git", "-C", p.clone, "rev-parse", "HEAD"); err != nil || cloned != head {
		return errors.Join(err, fmt.Errorf("the clone is of %s, want %s", cloned, head))
	}
	changes, err := said(ctx, "git", "-C", p.repository, "status", "--porcelain")
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "Walking commit %.10s with %s.\n", head, p.goEnv["GOVERSION"])
	if changes != "" {
		fmt.Fprintln(p.out, "Changes that are not committed are not part of it.")
	}
	fmt.Fprintln(p.out, "Until the modules are published, the clone is of this directory, `go mod edit -replace` makes the app use it,")
	fmt.Fprintln(p.out, "and the emulator is run in it.")
	return nil
}

func (p *place) remove() {
	if p.stopProxy != nil {
		p.stopProxy()
	}
	_ = os.RemoveAll(p.scratch)
}

// source is what takes the place of the published repository in a command that clones it.
func (p *place) source() string { return quoted(p.repository) + " fibermsal" }

// quoted is a word of a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// free returns an error if a program listens on a port.
func free(ctx context.Context, port string) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return fmt.Errorf("the documents use port %s, which is not free: %w", port, err)
	}
	return listener.Close()
}

// said returns what a command prints.
func said(ctx context.Context, name string, args ...string) (string, error) {
	var problem bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, &problem)
	}
	return strings.TrimSpace(string(out)), nil
}
