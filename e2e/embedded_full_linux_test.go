package e2e

import (
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"unsafe"
)

// limitWrites makes a process fail to write to files beyond a size, as on a full disk.
func limitWrites(t *testing.T, pid int, size uint64) {
	t.Helper()
	const resource, unlimited = 1, ^uint64(0) // RLIMIT_FSIZE, RLIM_INFINITY
	limit := struct{ current, most uint64 }{size, unlimited}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), resource, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
}

// A full disk signs no user out. When there is space again, a restart is not necessary.
func TestG5_SingleServerWithAFullDisk(t *testing.T) {
	t.Parallel()
	s := newSingle(t, exampleApp)
	resident := s.signedIn(adele.login)
	limitWrites(t, s.cmd.Process.Pid, 0)
	for range 10 {
		newcomer := newClient(t, s.site)
		if a := newcomer.navigate(newcomer.approach(alex.login)); a.StatusCode != http.StatusServiceUnavailable || newcomer.user() != "" {
			t.Errorf("sign-in: %d %s", a.StatusCode, a.body)
		}
		if got := resident.user(); got != adele.login {
			t.Errorf("signed in: %q", got)
		}
	}
	if a := resident.do(resident.request(http.MethodPost, s.site.url+"/user/logout", url.Values{})); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("sign-out: %d %s", a.StatusCode, a.body)
	}
	limitWrites(t, s.cmd.Process.Pid, ^uint64(0))
	if got := s.signedIn(alex.login).user(); got != alex.login {
		t.Errorf("with room again: %q", got)
	}
	s.kill()
	s.start(t)
	newcomer := s.signedIn(alex.login)
	if newcomer.user() != alex.login {
		t.Error("the file was damaged")
	}
}
