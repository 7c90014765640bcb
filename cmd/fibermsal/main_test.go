package main

import (
	"maps"
	"strings"
	"testing"
)

func TestProgram_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for name, row := range map[string]struct {
		args   []string
		env    map[string]string
		status int
		says   []string
	}{
		"nothing":         {nil, nil, 2, []string{"usage: fibermsal <command>", "no command was given"}},
		"no such command": {[]string{"session", "list"}, nil, 2, []string{`there is no command "session list"`}},
		"half a command":  {[]string{"sessions"}, nil, 2, []string{`there is no command "sessions"`}},
		"no such flag":    {[]string{"sessions", "list", "-x"}, nil, 2, []string{"-x", "see fibermsal sessions list -h"}},
		"an argument":     {[]string{"sessions", "list", "adele"}, nil, 2, []string{`unexpected argument "adele"`}},
		"odd time":        {[]string{"sessions", "list", "-before", "soon"}, nil, 2, []string{"it must be like 2026-01-31"}},
		"mail and user":   {[]string{"sessions", "list", "-mail", adele, "-user", "x"}, nil, 2, []string{"leave -user out"}},
		"part of a mail":  {[]string{"sessions", "end", "-mail", "contoso.com", "-yes"}, nil, 2, []string{"a complete mail address"}},
		"no choice":       {[]string{"sessions", "end", "-yes"}, nil, 2, []string{"specify the sessions to end"}},
		"environment": {
			[]string{"sessions", "list"},
			map[string]string{"FIBERMSAL_CLIENT_SECRT": "redis-canary", "FIBERMSAL_IDLE_TIMEOUT": "x"},
			2,
			[]string{"\n  FIBERMSAL_CLIENT_SECRT is unknown; the nearest is FIBERMSAL_CLIENT_SECRET", "\n  FIBERMSAL_IDLE_TIMEOUT must be a duration"},
		},
		"missing": {
			[]string{"sessions", "list"},
			map[string]string{"FIBERMSAL_CLIENT_SECRET": "", "FIBERMSAL_KEYS": "", "FIBERMSAL_PUBLIC_URL": ""},
			2,
			[]string{"\n  FIBERMSAL_CLIENT_SECRET is required", "\n  FIBERMSAL_PUBLIC_URL is required", "\n  FIBERMSAL_KEYS is required"},
		},
		"two credentials": {
			[]string{"doctor"},
			map[string]string{"FIBERMSAL_MANAGED_IDENTITY": "system"},
			2,
			[]string{"\n  FIBERMSAL_CERTIFICATE_FILE, FIBERMSAL_FEDERATED_TOKEN_FILE, FIBERMSAL_WORKLOAD_IDENTITY or FIBERMSAL_MANAGED_IDENTITY is set together with FIBERMSAL_CLIENT_SECRET"},
		},
		"no Redis":      {[]string{"sessions", "list"}, map[string]string{"FIBERMSAL_REDIS_URL": ""}, 2, []string{"FIBERMSAL_REDIS_URL is required: sessions in an app's own memory"}},
		"Redis is down": {[]string{"sessions", "list"}, map[string]string{"FIBERMSAL_REDIS_URL": "redis://app:redis-canary@127.0.0.1:1/0"}, 1, []string{"fibermsal: unavailable: storage_failed: dial tcp", "connection refused"}},
		"ending, down":  {[]string{"sessions", "end", "-before", "now", "-yes"}, map[string]string{"FIBERMSAL_REDIS_URL": "redis://127.0.0.1:1/0"}, 1, []string{"0 sessions ended", "storage_failed"}},
		"cleaning, down": {
			[]string{"sessions", "clean"},
			map[string]string{"FIBERMSAL_REDIS_URL": "redis://127.0.0.1:1/0"},
			1,
			[]string{"storage_failed"},
		},
		"not declared":     {[]string{"sessions", "list"}, map[string]string{"FIBERMSAL_TITLE": "x"}, 2, []string{"\n  FIBERMSAL_TITLE is unknown and similar to no known variable", "-own"}},
		"own variables":    {[]string{"sessions", "list", "-own", "TITLE,PORT"}, map[string]string{"FIBERMSAL_TITLE": "x"}, 0, []string{"0 sessions"}},
		"with spaces":      {[]string{"sessions", "list", "-own", "PORT, TITLE"}, map[string]string{"FIBERMSAL_TITLE": "x"}, 0, []string{"0 sessions"}},
		"flag twice":       {[]string{"sessions", "list", "-own", "PORT", "-own", "TITLE"}, map[string]string{"FIBERMSAL_TITLE": "x", "FIBERMSAL_PORT": "1"}, 0, []string{"0 sessions"}},
		"another prefix":   {[]string{"sessions", "list", "-prefix", "APP"}, nil, 2, []string{"\n  APP_CLIENT_ID is required"}},
		"help":             {[]string{"-h"}, nil, 0, []string{"sessions clean", "doctor", "Exit status"}},
		"help of none":     {[]string{"sessions", "-h"}, nil, 0, []string{"sessions clean"}},
		"help of list":     {[]string{"sessions", "list", "-h"}, nil, 0, []string{"usage: fibermsal sessions list [flags]", "-before time", "-json"}},
		"help of end":      {[]string{"sessions", "end", "-h"}, nil, 0, []string{"-yes", "-before now"}},
		"help of clean":    {[]string{"sessions", "clean", "-h"}, nil, 0, []string{"-dry-run", "-unreadable"}},
		"help of doctor":   {[]string{"doctor", "-h"}, nil, 0, []string{"-errors"}},
		"help without env": {[]string{"help"}, map[string]string{"FIBERMSAL_CLIENT_ID": "", "FIBERMSAL_X": "x"}, 0, []string{"Exit status"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here := &stage{t: t, idp: s.idp, env: maps.Clone(s.env)}
			maps.Copy(here.env, row.env)
			o := here.run(row.args...)
			if o.status != row.status {
				t.Errorf("status %d", o.status)
			}
			for _, text := range row.says {
				if !strings.Contains(o.stdout+o.stderr, text) {
					t.Errorf("it does not say %q: %+v", text, o)
				}
			}
		})
	}
}
