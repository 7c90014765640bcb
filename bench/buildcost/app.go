package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// app is a program to build.
type app struct {
	name string
	what string
	dir  string // of its package, from bench
}

// apps lists the programs. Each of them contains more than the one before.
var apps = []app{
	{"bare", "Fiber alone", "buildcost/apps/bare"},
	{"root", "Fiber and fibermsal", "buildcost/apps/root"},
	{"graph", "Fiber, fibermsal and fibermsal/graph", "buildcost/apps/graph"},
	{"sdk", "the same and the whole client of msgraph-sdk-go", "buildcost/apps/sdk"},
}

func appNames() []string {
	var names []string
	for _, a := range apps {
		names = append(names, a.name)
	}
	return names
}

// measure builds the app with all its dependencies, including the standard library.
func (a app) measure(ctx context.Context) (_ result, err error) {
	scratch, err := os.MkdirTemp("", "buildcost-")
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	if err := a.download(ctx); err != nil {
		return result{}, err
	}
	goVersion, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		return result{}, err
	}
	r := result{App: a.name, What: a.what, Machine: thisMachine(string(bytes.TrimSpace(goVersion)))}
	binary := filepath.Join(scratch, a.name)
	if err := r.watch(a.build(ctx, filepath.Join(scratch, "cache"), binary)); err != nil {
		return result{}, err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return result{}, err
	}
	r.BinaryBytes = info.Size()
	return r, nil
}

// download downloads the app's modules, and compiles nothing.
func (a app) download(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", ".")
	cmd.Dir = a.dir
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go list: %w\n%s", err, &said)
	}
	return nil
}

// build returns the build command. It uses no C compiler, so that the costs are comparable between
// machines, and no flags of the environment.
func (a app) build(ctx context.Context, cache, binary string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	cmd.Dir = a.dir
	cmd.Env = append(os.Environ(), "GOCACHE="+cache, "GOFLAGS=", "CGO_ENABLED=0")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends its compilers
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// watch runs a build and measures its costs.
func (r *result) watch(cmd *exec.Cmd) error {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	peak := samplePeak(cmd.Process.Pid)
	err := cmd.Wait()
	r.WallSeconds = seconds(time.Since(begin))
	r.PeakRSSBytes = peak()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, &said)
	}
	// The kernel's figures for a child that was waited for include the compilers, because the child has
	// waited for them.
	r.CPUSeconds = seconds(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime())
	return nil
}

func seconds(d time.Duration) float64 { return d.Round(10 * time.Millisecond).Seconds() }
