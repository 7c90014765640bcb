package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const startTimeout = 30 * time.Second

// process is a program that was started by this one or that was already running.
type process struct {
	cmd    *exec.Cmd // nil: not ours to end
	pid    int
	said   bytes.Buffer
	exited chan struct{}
}

// spawn starts a program that ends together with this one.
func spawn(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, exited: make(chan struct{})}
	cmd.Stderr = &p.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p.pid = cmd.Process.Pid
	go func() {
		_ = cmd.Wait() // what it said on stderr tells more
		close(p.exited)
	}()
	return p, nil
}

// launch starts a program and waits until it listens.
func launch(ctx context.Context, address string, env []string, dir, name string, args ...string) (*process, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	p, err := spawn(cmd)
	if err != nil {
		return nil, err
	}
	deadline := time.After(startTimeout)
	for {
		if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			return p, c.Close()
		}
		select {
		case <-p.exited:
			return nil, fmt.Errorf("%s ended: %s", name, p.said.String())
		case <-deadline:
			return nil, errors.Join(fmt.Errorf("%s does not listen on %s: %s", name, address, p.said.String()), p.stop())
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), p.stop())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *process) stop() error {
	if p.cmd == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(10 * time.Second):
		return p.cmd.Process.Kill()
	}
}

// cpu returns the processor time of the process on all cores, with the resolution of nanoseconds. The
// clock ID of another process is computed from its process ID (clock_getcpuclockid(3)).
func (p *process) cpu() (time.Duration, error) {
	const perProcess = 2
	var t unix.Timespec
	err := unix.ClockGettime(int32(^p.pid<<3|perProcess), &t)
	return time.Duration(t.Nano()), err
}

// resident is its memory in bytes.
func (p *process) resident() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
