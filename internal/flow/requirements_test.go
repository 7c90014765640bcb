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
