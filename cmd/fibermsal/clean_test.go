package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// records are the app's, as an instance with the first key sees them.
func (s *stage) records() *record.Store {
	s.t.Helper()
	ring, err := sealed.NewRing([][]byte{key}, "records")
	if err != nil {
		s.t.Fatal(err)
	}
	return record.NewStore(record.NewRedis(s.redis.Client(), nil), ring, s.idp.ClientID)
}

func nameOf(cookie *http.Cookie) string {
	name, _ := record.SessionID(cookie.Value)
	return name
}

func enlist(t *testing.T, records *record.Store, name string) error {
	t.Helper()
	_, err := records.Enlist(t.Context(), name, time.Now().Add(time.Hour), 0)
	return err
}

func TestClean_RemovesLeftoversAndLeavesWhatOthersMayOpen(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	other := s.newApp(otherKey, key)
	s.signIn(s.app, adele)
	gone, foreign := s.signIn(s.app, adele), s.signIn(other, alex)
	records := s.records()
	if err := errors.Join(records.Delete(t.Context(), nameOf(gone)), enlist(t, records, nameOf(foreign))); err != nil {
		t.Fatal(err)
	}

	const found = "alive       1\ngone        1  %s\ncorrupt     0  %s\nunreadable  1  not removed: sealed with a key that is not in the environment; see -unreadable\n"
	if o := s.run("sessions", "clean", "-dry-run"); o.status != statusFound || o.stdout != strings.ReplaceAll(found, "%s", "would be removed") {
		t.Errorf("%+v", o)
	}
	if o := s.run("sessions", "clean"); o.status != statusFound || o.stdout != strings.ReplaceAll(found, "%s", "removed") {
		t.Errorf("%+v", o)
	}
	if o := s.run("sessions", "clean", "-json"); o.status != statusFound || o.stdout != `{"alive":1,"gone":0,"corrupt":0,"unreadable":1}`+"\n" {
		t.Errorf("%+v", o)
	}
	if !s.isSignedIn(other, foreign) {
		t.Error("removed, although another instance has the key")
	}
	if o := s.run("sessions", "clean", "-unreadable", "-yes"); o.status != statusOK || !strings.Contains(o.stdout, "unreadable  1  removed\n") {
		t.Errorf("%+v", o)
	}
	if s.isSignedIn(other, foreign) {
		t.Error("still there")
	}
	if o := s.run("sessions", "clean"); o.status != statusOK {
		t.Errorf("%+v", o)
	}
}
