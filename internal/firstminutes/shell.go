package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// shell runs commands as they are typed.
type shell struct {
	directory string
	env       []string
}

// command is a line for bash. It and what it starts are signalled together.
func (s shell) command(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-c", line)
	cmd.Dir, cmd.Env = s.directory, s.env
	separate(cmd)
	cmd.Cancel = func() error { return interrupt(cmd) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// output runs a command and returns everything that it prints.
func (s shell) output(ctx context.Context, line string) (string, error) {
	out, err := s.command(ctx, line).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return string(out), nil
}

// run runs a command to its end.
func (s shell) run(ctx context.Context, line string) error {
	_, err := s.output(ctx, line)
	return err
}

// write makes a file in the directory.
func (s shell) write(name, content string) error {
	return os.WriteFile(filepath.Join(s.directory, name), []byte(content), 0o644)
}
