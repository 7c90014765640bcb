package sessionmodel

import (
	"fmt"
	"strings"
	"time"
)

// Kind is the kind of a step.
type Kind string

// The kinds of steps.
const (
	Visit       Kind = "Visit"       // a browser asks for its user
	Token       Kind = "Token"       // a browser asks for an access token
	SignIn      Kind = "SignIn"      // a browser signs a user in
	SignOut     Kind = "SignOut"     // a browser signs its user out
	EndSessions Kind = "EndSessions" // the app ends all sessions of a user
	Revoke      Kind = "Revoke"      // an administrator revokes a user's refresh tokens at Entra

	Crash  Kind = "Crash"  // an instance loses its memory, and starts again
	Deploy Kind = "Deploy" // an instance is replaced by one that is a key rotation ahead

	StorageDown Kind = "StorageDown" // for all instances
	ReadOnly    Kind = "ReadOnly"    // the storage refuses to write
	Partition   Kind = "Partition"   // the storage is down for one instance
	LoseReplies Kind = "LoseReplies" // some operations of an instance are carried out and reported as failed
	Refuse      Kind = "Refuse"      // some operations of an instance are neither carried out nor successful
	EntraDown   Kind = "EntraDown"
	LoseAnswers Kind = "LoseAnswers" // the token endpoint's, after it has used the refresh token
)

// Step is one step of a history. It begins some time after the one before, which may still be in
// progress.
type Step struct {
	After    time.Duration
	Kind     Kind
	Instance int
	Browser  int
	User     int
	For      time.Duration // of outages
	Times    int           // of single faults
}

// History is a sequence of events of an app. The seed determines how long each operation takes.
type History struct {
	Seed  uint64
	Steps []Step
}

// GoString returns the history as Go.
func (h History) GoString() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sessionmodel.History{Seed: %d, Steps: []sessionmodel.Step{\n", h.Seed)
	for _, s := range h.Steps {
		fmt.Fprintf(&b, "\t\t{After: %d, Kind: sessionmodel.%s", s.After, s.Kind)
		for _, field := range []struct {
			name  string
			value int
		}{{"Instance", s.Instance}, {"Browser", s.Browser}, {"User", s.User}, {"For", int(s.For)}, {"Times", s.Times}} {
			if field.value != 0 {
				fmt.Fprintf(&b, ", %s: %d", field.name, field.value)
			}
		}
		fmt.Fprintf(&b, "}, // %v\n", s.After)
	}
	b.WriteString("\t}}")
	return b.String()
}

// AsTest returns a test that runs the history.
func (h History) AsTest(name, violation string) string {
	return fmt.Sprintf("// %s\nfunc TestHistory_%s(t *testing.T) {\n\tholds(t, %#v)\n}\n", violation, name, h)
}

// Shrunk returns the shortest history that it finds by leaving out steps, for which violates still
// returns true.
func (h History) Shrunk(violates func(History) bool) History {
	for size := (len(h.Steps) + 1) / 2; size > 0; {
		shorter, found := h.without(size, violates)
		if h = shorter; !found || size > len(h.Steps) {
			size /= 2
		}
	}
	return h
}

// without tries to leave out some steps in a row. What comes later happens at the same time as before.
func (h History) without(size int, violates func(History) bool) (shorter History, found bool) {
	for from := 0; from+size <= len(h.Steps); from++ {
		var passed time.Duration
		for _, s := range h.Steps[from : from+size] {
			passed += s.After
		}
		candidate := History{Seed: h.Seed, Steps: append([]Step{}, h.Steps[:from]...)}
		candidate.Steps = append(candidate.Steps, h.Steps[from+size:]...)
		if from < len(candidate.Steps) {
			candidate.Steps[from].After += passed
		}
		if violates(candidate) {
			return candidate, true
		}
	}
	return h, false
}
