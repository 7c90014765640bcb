package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// client is a program that is run.
type client struct {
	name     string
	language string
	program  string // below node, python, or this directory
	library  string // the npm or Debian package
}

const (
	javaScript = "JavaScript"
	python     = "Python"
	golang     = "Go"
)

var clients = []client{
	{"MSAL Node", javaScript, "msal-node.mjs", "@azure/msal-node"},
	{"openid-client", javaScript, "openid-client.mjs", "openid-client"},
	{"Auth.js core", javaScript, "authjs.mjs", "@auth/core"},
	{"Azure Identity for JavaScript", javaScript, "azure-identity.mjs", "@azure/identity"},
	{"Graph for JavaScript", javaScript, "graph-client.mjs", "@microsoft/microsoft-graph-client"},
	{"MSAL Python", python, "msal_client.py", "python3-msal"},
	{"Authlib", python, "authlib_client.py", "python3-authlib"},
	{"Python's ssl, as strict as in 3.13", python, "strict_tls.py", "python3-requests"},
	{"x/oauth2 with go-oidc", golang, "xoauth2", ""},
	{"azidentity", golang, "azidentity", ""},
}

// result contains the results of a client.
type result struct {
	client
	version string
	checks  []string
	skipped string // the reason
	failure string
}

// patience is how long a client may take on a small and busy machine.
const patience = 3 * time.Minute

// run runs the client and reads its report.
func (c client) run(ctx context.Context, dir string, e *emulator) result {
	r := result{client: c}
	if r.skipped = c.missing(ctx); r.skipped != "" {
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	command, err := c.command(ctx, dir)
	if err != nil {
		r.failure = err.Error()
		return r
	}
	var out, problems bytes.Buffer
	command.Env, command.Stdout, command.Stderr, command.WaitDelay = e.environment(), &out, &problems, time.Second
	if err := command.Run(); err != nil {
		r.failure = fmt.Sprintf("%v\n%s", err, problems.String())
	}
	r.read(out.String())
	if r.failure == "" && len(r.checks) == 0 {
		r.failure = "it checked nothing: " + out.String() + problems.String()
	}
	return r
}

// command prepares the program.
func (c client) command(ctx context.Context, dir string) (*exec.Cmd, error) {
	switch c.language {
	case javaScript:
		command := exec.CommandContext(ctx, "node", c.program)
		command.Dir = "node"
		return command, nil
	case python:
		command := exec.CommandContext(ctx, c.interpreter(ctx), c.program)
		command.Dir = "python"
		return command, nil
	default:
		program := filepath.Join(dir, c.program)
		build := exec.CommandContext(ctx, "go", "build", "-o", program, "./"+c.program)
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building: %w\n%s", err, out)
		}
		return exec.CommandContext(ctx, program), nil
	}
}

// read reads the lines of a client's report.
func (r *result) read(out string) {
	for line := range strings.Lines(out) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "version":
			r.version = rest
		case "ok":
			r.checks = append(r.checks, rest)
		}
	}
	if r.language == javaScript {
		r.version = packageVersion(r.library)
	}
}

// packageVersion returns the version of an installed npm package.
func packageVersion(name string) string {
	text, err := os.ReadFile(filepath.Join("node", "node_modules", name, "package.json"))
	if err != nil {
		return ""
	}
	var about struct{ Version string }
	if json.Unmarshal(text, &about) != nil {
		return ""
	}
	return about.Version
}

// oldestNode is the version of Node that most of the npm packages require.
const oldestNode = 20

// missing returns what a client needs and this machine does not have. Such a client is left out.
func (c client) missing(ctx context.Context) string {
	switch c.language {
	case javaScript:
		out, err := exec.CommandContext(ctx, "node", "-p", "process.versions.node").Output()
		if err != nil {
			return "there is no Node.js"
		}
		major, _, _ := strings.Cut(string(out), ".")
		if n, err := strconv.Atoi(major); err != nil || n < oldestNode {
			return fmt.Sprintf("Node.js is %s, and the package asks for %d", strings.TrimSpace(string(out)), oldestNode)
		}
	case python:
		if c.interpreter(ctx) == "" {
			return "there is no " + c.library + " from Debian"
		}
	}
	return ""
}

// interpreter returns a Python that has the library. It is Debian's, or the first one in PATH. It is
// empty if neither has the library.
func (c client) interpreter(ctx context.Context) string {
	module := strings.TrimPrefix(c.library, "python3-")
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(ctx, python, "-c", "import requests, "+module).Run() == nil {
			return python
		}
	}
	return ""
}
