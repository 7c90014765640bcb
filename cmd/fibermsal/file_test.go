package main

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/filestore"
)

// useFile moves the app to a file of sessions, signs a user in, and stops the app.
func (s *stage) useFile(login string) {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "sessions.db")
	s.runOnFile(path, login, key)
	delete(s.env, "FIBERMSAL_REDIS_URL")
	s.env["FIBERMSAL_STORAGE_FILE"] = path
}

// runOnFile runs the app on a file of sessions for as long as a user signs in.
func (s *stage) runOnFile(path, login string, keys ...[]byte) {
	s.t.Helper()
	storage, err := filestore.Open(path, filestore.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	auth, err := fibermsal.Open(fibermsal.Config{
		ClientID: s.idp.ClientID, ClientSecret: s.idp.ClientSecret, Authority: s.idp.Authority,
		GraphURL: s.idp.GraphURL, HTTPClient: s.idp.HTTPClient, PublicURL: publicURL,
		Storage: storage, Keys: keys, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10, DisableStartupMessage: true})
	app.Use(auth.Handler())
	auth.RegisterRoutes(app)
	s.signIn(app, login)
	if err := auth.Close(); err != nil {
		s.t.Error(err)
	}
	if err := storage.Close(); err != nil {
		s.t.Error(err)
	}
}

// An operator who revokes a stolen account may not know that the app must be stopped (threat D12).
func TestEnd_WhileTheAppUsesItsFileFails(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.useFile(adele)
	running, err := filestore.Open(s.env["FIBERMSAL_STORAGE_FILE"], filestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = running.Close() }()
	o := s.run("sessions", "end", "-mail", adele, "-yes", "-reason", "INC 4711")
	if o.status != statusUsage || o.stdout != "" {
		t.Errorf("%+v", o)
	}
	for _, text := range []string{"users may still be signed in", "another process uses the file", "event=sessions_ended", "outcome=failed ended=0", `reason="INC 4711"`} {
		if !strings.Contains(o.stderr, text) {
			t.Errorf("it does not say %q: %+v", text, o)
		}
	}
	if o := s.run("sessions", "list"); o.status != statusUsage || strings.Contains(o.stderr, "may still be signed in") || strings.Contains(o.stderr, "audit") {
		t.Errorf("%+v", o)
	}
}

func TestSessions_OfAFileAreTheAppsOnly(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.useFile(adele)
	end := []string{"sessions", "end", "-mail", adele, "-yes"}
	for name, row := range map[string]struct{ variable, value, says string }{
		"other keys":      {"FIBERMSAL_KEYS", encoded(otherKey), "wrong_keys"},
		"other client ID": {"FIBERMSAL_CLIENT_ID", "11111111-2222-3333-4444-555555555555", "other_client_id"},
		"other URL":       {"FIBERMSAL_PUBLIC_URL", "http://localhost:4000", "other_origin"},
	} {
		before := s.env[row.variable]
		s.env[row.variable] = row.value
		for _, args := range [][]string{end, {"sessions", "list"}, {"sessions", "clean"}} {
			if o := s.run(args...); o.status != statusFound || !strings.Contains(o.stderr, "misconfigured: "+row.says) {
				t.Errorf("%s, %q: %+v", name, args, o)
			}
		}
		if row.says == "wrong_keys" {
			if o := s.run("doctor"); o.status != statusFound || !strings.Contains(o.stdout, "warning  keys") {
				t.Errorf("%s: %+v", name, o)
			}
		}
		s.env[row.variable] = before
	}
	if o := s.run(end...); o.status != statusOK || o.stdout != "1 session ended\n" {
		t.Errorf("%+v", o)
	}
	if o := s.run(end...); o.status != statusOK || o.stdout != "0 sessions ended\n" {
		t.Errorf("again: %+v", o)
	}
}

// A file in which nobody has signed in is perhaps another one.
func TestSessions_OfAnEmptyFileNameItsVariable(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.useFile(adele)
	s.env["FIBERMSAL_STORAGE_FILE"] = filepath.Join(t.TempDir(), "empty.db")
	empty, err := filestore.Open(s.env["FIBERMSAL_STORAGE_FILE"], filestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := empty.Close(); err != nil {
		t.Fatal(err)
	}
	if o := s.run("sessions", "end", "-mail", adele, "-yes"); o.status != statusFound || !strings.Contains(o.stderr, "no_trace") || !strings.Contains(o.stderr, "FIBERMSAL_STORAGE_FILE") {
		t.Errorf("%+v", o)
	}
}

// While the app is not running, no instance announces its keys. There are sessions of the previous key.
func TestSessions_OfAFileAreMissedWithoutTheKeyBefore(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.useFile(adele)
	s.runOnFile(s.env["FIBERMSAL_STORAGE_FILE"], alex, otherKey, key)
	s.env["FIBERMSAL_KEYS"] = encoded(otherKey)
	for _, args := range [][]string{{"sessions", "end", "-mail", adele, "-yes"}, {"sessions", "end", "-before", "now", "-yes"}, {"sessions", "list"}} {
		if o := s.run(args...); o.status != statusFound || !strings.Contains(o.stderr, "misconfigured: missing_keys") {
			t.Errorf("%q: %+v", args, o)
		}
	}
	s.env["FIBERMSAL_KEYS"] = encoded(otherKey, key)
	if o := s.run("sessions", "end", "-mail", adele, "-yes"); o.status != statusOK || o.stdout != "1 session ended\n" {
		t.Errorf("%+v", o)
	}
	s.env["FIBERMSAL_KEYS"] = encoded(otherKey)
	if o := s.run("sessions", "list"); o.status != statusOK {
		t.Errorf("none is left: %+v", o)
	}
}
