//go:build !unix

package main

import "os/exec"

// Other systems have no process groups, so what a command starts may be left over there.

func separate(*exec.Cmd) {}

func interrupt(cmd *exec.Cmd) error { return cmd.Process.Kill() }

func kill(cmd *exec.Cmd) error { return cmd.Process.Kill() }
