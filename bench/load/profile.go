package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// profiled lets a Go server of this module profile itself during the last turn, if a profile was
// requested.
func (b *bench) profiled(s *server, workload string, last bool, work func() (turn, error)) (turn, error) {
	if !last || !b.options.profile || s.Package == "" {
		return work()
	}
	name := filepath.Join(b.options.results, "profiles", workload+"-"+strings.ReplaceAll(s.Name, " ", "-"))
	seconds := fmt.Sprintf("seconds=%d", max(1, int(b.options.duration.Seconds())))
	done := make(chan error, 2)
	for _, kind := range []string{"profile", "allocs"} {
		go func() {
			done <- fetchProfile("http://"+s.clients[0].Addr+"/debug/pprof/"+kind+"?"+seconds, name+"-"+kind+".pprof")
		}()
	}
	r, err := work()
	if failed := errors.Join(<-done, <-done); failed != nil {
		log.Printf("profile of %s: %v", s.Name, failed)
	}
	return r, err
}

func fetchProfile(address, name string) error {
	resp, err := http.Get(address)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	profile, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, profile, 0o644)
}
