package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestDoctor_StatusTellsWhetherThereIsSomethingToDo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	durable := redistest.Start(t, "--appendonly", "yes")
	for name, row := range map[string]struct {
		args   []string
		env    map[string]string
		status int
		worst  fibermsal.Severity
		code   string
	}{
		"all is well":       {nil, map[string]string{"FIBERMSAL_REDIS_URL": durable.URL + patiently}, statusOK, fibermsal.SeverityOK, "redis_persistence"},
		"a warning":         {nil, nil, statusFound, fibermsal.SeverityWarning, "redis_persistence"},
		"a warning is fine": {[]string{"-errors"}, nil, statusOK, fibermsal.SeverityWarning, "redis_persistence"},
		"it is ignored":     {[]string{"-ignore", "redirect_uri, redis_persistence"}, nil, statusOK, fibermsal.SeverityWarning, "redis_persistence"},
		"another is not":    {[]string{"-ignore", "redis"}, nil, statusFound, fibermsal.SeverityWarning, "redis_persistence"},
		"an error":          {[]string{"-errors"}, map[string]string{"FIBERMSAL_CLIENT_SECRET": "redis-canary"}, statusFound, fibermsal.SeverityError, "secret"},
		"Redis is down":     {nil, map[string]string{"FIBERMSAL_REDIS_URL": "redis://app:redis-canary@127.0.0.1:1/0"}, statusFound, fibermsal.SeverityError, "redis"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here := &stage{t: t, idp: s.idp, env: maps.Clone(s.env)}
			maps.Copy(here.env, row.env)
			o := here.run(append([]string{"doctor"}, row.args...)...)
			if o.status != row.status || strings.Contains(o.stdout, "\n         fix: ") == (row.worst == fibermsal.SeverityOK) {
				t.Errorf("%+v", o)
			}
			o = here.run(append([]string{"doctor", "-json"}, row.args...)...)
			var found fibermsal.Report
			for line := range strings.Lines(o.stdout) {
				var f fibermsal.Finding
				if err := json.Unmarshal([]byte(line), &f); err != nil || f.Code == "" {
					t.Errorf("%v in %s", err, line)
				}
				found = append(found, f)
			}
			if o.status != row.status || found.Worst() != row.worst {
				t.Errorf("%+v", o)
			}
			if !slices.ContainsFunc(found, func(f fibermsal.Finding) bool {
				return f.Severity == row.worst && strings.HasPrefix(f.Code, row.code)
			}) {
				t.Errorf("%+v", found)
			}
		})
	}
}
