package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// profiled has a Go server of this module profile itself meanwhile, for go tool pprof.
func (b *bench) profiled(s *server, workload string, work func() (turn, error)) (turn, error) {
	if !b.options.profile || s.Package == "" {
		return work()
	}
	name := filepath.Join(b.options.results, "profiles", workload+"-"+strings.ReplaceAll(s.Name, " ", "-")+".pprof")
	done := make(chan error, 1)
	go func() { done <- fetchProfile(s.clients[0].Addr, b.options.duration, name) }()
	r, err := work()
	if failed := <-done; failed != nil {
		log.Printf("profile of %s: %v", s.Name, failed)
	}
	return r, err
}

func fetchProfile(address string, lasting time.Duration, name string) error {
	resp, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", address, max(1, int(lasting.Seconds())))) //nolint:noctx // it ends by itself
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	profile, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // profiles are for everybody
		return err
	}
	return os.WriteFile(name, profile, 0o644) //nolint:gosec // the same
}
