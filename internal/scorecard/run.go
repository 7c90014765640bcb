package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// run is a run of the proofs.
type run struct {
	root     string // of the repository
	goTool   string
	full     bool
	fuzzTime string // as go test -fuzztime
	progress io.Writer
	results  *results
}

// goTest runs tests and collects their events.
func (r *run) goTest(ctx context.Context, s *stage, dir string, args []string) error {
	c := command{dir: dir, env: []string{"FIBERMSAL_TEST_ALL=1"}, args: append([]string{r.goTool, "test", "-json", "-v", "-count=1"}, args...)}
	if r.full {
		c.env = append(c.env, "FIBERMSAL_SOAK=1")
	}
	for _, size := range []string{"FIBERMSAL_MODEL", "FIBERMSAL_WEEK"} { // they hold without being named, but the page must be repeatable
		if value := os.Getenv(size); value != "" {
			c.env = append(c.env, size+"="+value)
		}
	}
	s.Command = c.String()
	collected := newReader(r.results, s, r.progress)
	err := r.stream(ctx, c, collected.read)
	var exit *exec.ExitError
	if errors.As(err, &exit) && collected.explained() {
		return nil // tests failed, which the page shows one by one
	}
	return err
}

// command is a program with its arguments.
type command struct {
	dir  string // from the root of the repository
	env  []string
	args []string
}

// String returns a command that does the same in a shell.
func (c command) String() string {
	words := slices.Clone(c.env)
	for i, word := range c.args {
		if i == 0 {
			word = filepath.Base(word)
		}
		if strings.ContainsAny(word, "^$|()*") {
			word = "'" + word + "'"
		}
		words = append(words, word)
	}
	line := strings.Join(words, " ")
	if c.dir != "" && c.dir != "." {
		return "cd " + c.dir + " && " + line
	}
	return line
}

func (r *run) prepare(ctx context.Context, c command) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stderr = filepath.Join(r.root, c.dir), append(os.Environ(), c.env...), r.progress
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that tests stop the servers that they started
	cmd.WaitDelay = time.Minute
	return cmd
}

// stream runs a command, and reads what it prints while it runs.
func (r *run) stream(ctx context.Context, c command, read func(io.Reader) error) error {
	cmd := r.prepare(ctx, c)
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	failure := read(output)
	_, _ = io.Copy(io.Discard, output) // or the command could not end
	return errors.Join(failure, cmd.Wait())
}

// output runs a command and returns what it has printed.
func (r *run) output(ctx context.Context, c command) ([]byte, error) {
	var all bytes.Buffer
	cmd := r.prepare(ctx, c)
	cmd.Stdout, cmd.Stderr = &all, &all
	err := cmd.Run()
	return all.Bytes(), err
}
