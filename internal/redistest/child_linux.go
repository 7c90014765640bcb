package redistest

import (
	"os/exec"
	"syscall"
)

// DieWithTest makes a command that was not started yet end with the test binary, even if that is
// killed or panics after its timeout, when no cleanup runs.
func DieWithTest(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
