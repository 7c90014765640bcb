package main

import (
	"bufio"
	"cmp"
	"context"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"

	"github.com/fibermsal/fibermsal/internal/hardware"
)

// machine is what a run was made on.
type machine struct {
	CPUs      int    `json:"cpus"`
	Processor string `json:"processor"`
	System    string `json:"system"`
	Go        string `json:"go"`
	Redis     string `json:"redis"`
	Commit    string `json:"commit"`
}

var redisVersion = regexp.MustCompile(`v=(\S+)`)

// thisMachine describes this one. What cannot be found out is unknown.
func thisMachine(ctx context.Context, root, goTool string) machine {
	m := machine{CPUs: runtime.NumCPU(), Processor: cmp.Or(hardware.Processor(), unknown), System: runtime.GOOS, Go: unknown, Redis: "no Redis", Commit: unknown}
	if name := field("/etc/os-release", "PRETTY_NAME", "="); name != "" {
		m.System = strings.Trim(name, `"`) + " (" + runtime.GOARCH + ")"
	}
	if version := said(ctx, root, goTool, "env", "GOVERSION"); version != "" {
		m.Go = "Go " + strings.TrimPrefix(version, "go")
	}
	if v := redisVersion.FindStringSubmatch(said(ctx, root, "redis-server", "--version")); v != nil {
		m.Redis = "Redis " + v[1]
	}
	if commit := said(ctx, root, "git", "rev-parse", "--short", "HEAD"); commit != "" {
		m.Commit = commit
		if said(ctx, root, "git", "status", "--porcelain", "--untracked-files=no") != "" {
			m.Commit += ", with changes"
		}
	}
	return m
}

const unknown = "unknown"

// said returns what a program prints, and nothing if it fails.
func said(ctx context.Context, dir, program string, args ...string) string {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	output, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(output))
}

// field returns the value of a name in a file of names and values.
func field(file, name, separator string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		before, after, _ := strings.Cut(lines.Text(), separator)
		if strings.TrimSpace(before) == name {
			return strings.TrimSpace(after)
		}
	}
	return ""
}
