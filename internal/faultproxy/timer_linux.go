package faultproxy

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// fdTimer is a timer that the kernel reports like a readable connection. Timers of the Go runtime
// are late by up to a millisecond if nothing else wakes the process, because the runtime waits for
// events in whole milliseconds (golang/go#44343).
type fdTimer struct {
	fd   uintptr
	file *os.File
}

func newTimer() (timer, error) {
	const monotonic = 1 // CLOCK_MONOTONIC
	fd, _, errno := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, monotonic, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if errno != 0 {
		return nil, os.NewSyscallError("timerfd_create", errno)
	}
	return &fdTimer{fd: fd, file: os.NewFile(fd, "timer")}, nil
}

func (t *fdTimer) set(after time.Duration) {
	spec := [2]syscall.Timespec{1: syscall.NsecToTimespec(int64(after))} // once, not repeatedly
	// It does not fail for a duration above zero.
	_, _, _ = syscall.Syscall6(syscall.SYS_TIMERFD_SETTIME, t.fd, 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0) //nolint:gosec // the system call requires it
}

func (t *fdTimer) wait() bool {
	var expirations [8]byte
	_, err := t.file.Read(expirations[:])
	return err == nil
}

func (t *fdTimer) close() { _ = t.file.Close() }
