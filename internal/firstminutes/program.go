package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"sync"
	"time"
)

const (
	// patience is how long a program may take to compile and start.
	patience = 40 * time.Minute
	// drainTime is how long it may take to stop.
	drainTime = 20 * time.Second
	// pollInterval is how often it is looked at.
	pollInterval = 20 * time.Millisecond
)

// program is a command that serves until it is stopped.
type program struct {
	cmd            *exec.Cmd
	stdout, stderr text
	exited         chan struct{}
}

// start starts a command.
func (s shell) start(ctx context.Context, line string) (*program, error) {
	p := &program{cmd: s.command(ctx, line), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // the state is in ProcessState
		close(p.exited)
	}()
	return p, nil
}

// stop ends the program as Ctrl-C does. A program that has not started is nil.
func (p *program) stop() {
	if p == nil {
		return
	}
	_ = interrupt(p.cmd) // unless it has ended
	select {
	case <-p.exited:
	case <-time.After(drainTime):
		_ = kill(p.cmd)
		<-p.exited
	}
}

// prints waits until the program has printed something.
func (p *program) prints(expected *regexp.Regexp) (match []string, err error) {
	err = p.await(func() bool {
		match = expected.FindStringSubmatch(p.stdout.String())
		return match != nil
	})
	return match, err
}

// serves waits until the program accepts connections.
func (p *program) serves(address string) error {
	return p.await(func() bool {
		connection, err := net.DialTimeout("tcp", address, time.Second)
		return err == nil && connection.Close() == nil
	})
}

// await waits until a condition is true.
func (p *program) await(condition func() bool) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for end := time.After(patience); !condition(); {
		select {
		case <-tick.C:
		case <-p.exited:
			return fmt.Errorf("it ended too early: %s\n%s%s", p.cmd.ProcessState, &p.stdout, &p.stderr)
		case <-end:
			return errors.New("it takes more than " + patience.String() + "\n" + p.stdout.String() + p.stderr.String())
		}
	}
	return nil
}

// text collects what a program prints.
type text struct {
	mu      sync.Mutex
	content bytes.Buffer
}

// Write implements io.Writer.
func (t *text) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.content.Write(b)
}

// String returns everything so far.
func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.content.String()
}
