//go:build unix

package redistest

import "syscall"

// Stall makes the server accept connections without responding until resume is called, as one does whose
// machine has no processor time left. It is stalled when Stall returns, unlike with DEBUG SLEEP, which
// needs a connection of its own first.
func (s *Server) Stall() (resume func()) {
	s.tb.Helper()
	server := s.process.cmd.Process // another one after a restart
	if err := server.Signal(syscall.SIGSTOP); err != nil {
		s.tb.Fatalf("redistest: %v", err)
	}
	return func() { _ = server.Signal(syscall.SIGCONT) } // it may have been stopped for good
}
