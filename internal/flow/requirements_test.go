package flow_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/flow"
)

func TestAsk_TravelsWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	jar, now := newJar(t), time.Now()
	fits := 0
	for size := range 900 {
		ask := flow.Requirements{Scopes: []string{strings.Repeat("s", size)}}
		text, err := jar.SealRequirements(ask, "session", now)
		if checked := ask.Check(); !errors.Is(err, checked) || (err != nil && !errors.Is(err, flow.ErrRequirementsTooLarge)) {
			t.Fatalf("%d bytes: %v, and checked %v", size, err, checked)
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

func TestAsk_AddsUpClaims(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		ask  flow.Requirements
		more string
		want string // of the parameter; empty if it is refused
	}{
		"first":    {flow.Requirements{}, `{"access_token":{"nbf":{"value":"1"}}}`, `{"access_token":{"nbf":{"value":"1"}}}`},
		"another":  {flow.Requirements{Claims: `{"access_token":{"a":null}}`}, `{"access_token":{"b":null},"id_token":{"c":null}}`, `{"access_token":{"a":null,"b":null},"id_token":{"c":null}}`},
		"the same": {flow.Requirements{Claims: `{"access_token":{"a":{"value":"1"}}}`}, `{"access_token":{"a":{"value":"2"}}}`, `{"access_token":{"a":{"value":"2"}}}`},
		"ours":     {flow.Requirements{AuthContext: "c1", MaxAge: 5}, `{"id_token":null}`, `{"id_token":{"acrs":{"essential":true,"value":"c1"},"auth_time":{"essential":true}}}`},
		"no claim": {flow.Requirements{}, `{"id_token":"x"}`, ""},
		"no JSON":  {flow.Requirements{}, `{`, ""},
	} {
		ask, err := row.ask.WithClaims(row.more)
		if row.want == "" {
			if !errors.Is(err, flow.ErrClaims) || ask.Claims != row.ask.Claims {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if got, parameterErr := ask.ClaimsParameter(); err != nil || parameterErr != nil || got != row.want {
			t.Errorf("%s: %s, %v, %v", name, got, err, parameterErr)
		}
	}
}
