package flow_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/flow"
)

func TestRequirements_AreSealedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	jar, now := newJar(t), time.Now()
	fits := 0
	for size := range 900 {
		requirements := flow.Requirements{Scopes: []string{strings.Repeat("s", size)}}
		text, err := jar.SealRequirements(requirements, "session", now)
		if checked := requirements.Check(); !errors.Is(err, checked) || (err != nil && !errors.Is(err, flow.ErrRequirementsTooLarge)) {
			t.Fatalf("%d bytes: sealing: %v; Check: %v", size, err, checked)
		}
		if err != nil {
			continue
		}
		fits++
		if opened, ok := jar.OpenRequirements(text, "session", now); !ok || len(opened.Scopes[0]) != size || len(text) > 1000 {
			t.Fatalf("%d bytes: opened %v from %d characters", size, ok, len(text))
		}
	}
	if fits < 600 || fits == 900 {
		t.Errorf("%d bytes fit", fits)
	}
}

func TestA16_RequirementsOpenInTimeAndBesideTheirSession(t *testing.T) {
	t.Parallel()
	jar, now := newJar(t), time.Now()
	text, err := jar.SealRequirements(flow.Requirements{Scopes: []string{"Mail.Read"}}, "session", now)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		session string
		at      time.Duration
		opens   bool
	}{
		"at once":            {"session", 0, true},
		"in time":            {"session", 9 * time.Minute, true},
		"late":               {"session", 11 * time.Minute, false},
		"before":             {"session", -2 * time.Minute, false},
		"beside another":     {"another", 0, false},
		"beside no session":  {"", 0, false},
		"and late, for none": {"", time.Hour, false},
	} {
		if r, ok := jar.OpenRequirements(text, row.session, now.Add(row.at)); ok != row.opens || r.IsZero() == row.opens {
			t.Errorf("%s: %v, %+v", name, ok, r)
		}
	}
}

func TestRequirements_MergeClaims(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		requirements flow.Requirements
		more         string
		want         string // claims parameter; empty for an error
	}{
		"first":    {flow.Requirements{}, `{"access_token":{"nbf":{"value":"1"}}}`, `{"access_token":{"nbf":{"value":"1"}}}`},
		"another":  {flow.Requirements{Claims: `{"access_token":{"a":null}}`}, `{"access_token":{"b":null},"id_token":{"c":null}}`, `{"access_token":{"a":null,"b":null},"id_token":{"c":null}}`},
		"the same": {flow.Requirements{Claims: `{"access_token":{"a":{"value":"1"}}}`}, `{"access_token":{"a":{"value":"2"}}}`, `{"access_token":{"a":{"value":"2"}}}`},
		"ours":     {flow.Requirements{AuthContext: "c1", MaxAge: 5}, `{"id_token":null}`, `{"id_token":{"acrs":{"essential":true,"value":"c1"},"auth_time":{"essential":true}}}`},
		"no claim": {flow.Requirements{}, `{"id_token":"x"}`, ""},
		"no JSON":  {flow.Requirements{}, `{`, ""},
	} {
		requirements, err := row.requirements.WithClaims(row.more)
		if row.want == "" {
			if !errors.Is(err, flow.ErrClaims) || requirements.Claims != row.requirements.Claims {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if got, parameterErr := requirements.ClaimsParameter(); err != nil || parameterErr != nil || got != row.want {
			t.Errorf("%s: %s, %v, %v", name, got, err, parameterErr)
		}
	}
}
