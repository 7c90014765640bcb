package main

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

func encoded(keys ...[]byte) string {
	var all []string
	for _, k := range keys {
		all = append(all, base64.StdEncoding.EncodeToString(k))
	}
	return strings.Join(all, ",")
}

// everyWay lists the commands about sessions, as an operator would run them.
func everyWay(user, id string) map[string][]string {
	return map[string][]string{
		"list": {"sessions", "list"}, "list user": {"sessions", "list", "-user", user}, "list id": {"sessions", "list", "-id", id},
		"end all": {"sessions", "end", "-before", "now", "-yes"}, "end user": {"sessions", "end", "-user", user, "-yes"},
		"end mail": {"sessions", "end", "-mail", adele, "-yes"}, "end id": {"sessions", "end", "-id", id, "-yes"},
		"clean": {"sessions", "clean"}, "dry run": {"sessions", "clean", "-dry-run"},
	}
}

// An operator who revokes a stolen account must not believe that it is done (threat D12).
func TestSessions_WhatIsNotTheAppsFails(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	cookie := s.signIn(s.app, adele)
	listed := s.listed()[0]
	for name, row := range map[string]struct {
		env  map[string]string
		says []string
	}{
		"other keys":      {map[string]string{"FIBERMSAL_KEYS": encoded(otherKey)}, []string{"misconfigured: wrong_keys", "FIBERMSAL_KEYS_FILE"}},
		"other client ID": {map[string]string{"FIBERMSAL_CLIENT_ID": "11111111-2222-3333-4444-555555555555"}, []string{"misconfigured: other_client_id", publicURL + "/user/authorized", "FIBERMSAL_CLIENT_ID"}},
		"other URL":       {map[string]string{"FIBERMSAL_PUBLIC_URL": "http://localhost:4000"}, []string{"misconfigured: other_origin", publicURL + "/user/authorized", "http://localhost:4000/user/authorized", "FIBERMSAL_PUBLIC_URL"}},
		"other base path": {map[string]string{"FIBERMSAL_BASE_PATH": "/app"}, []string{"misconfigured: other_origin", "FIBERMSAL_BASE_PATH"}},
		"dead Redis":      {map[string]string{"FIBERMSAL_REDIS_URL": "redis://app:redis-canary@127.0.0.1:1/0"}, []string{"unavailable: storage_failed: dial tcp 127.0.0.1:1", "FIBERMSAL_REDIS_URL"}},
	} {
		for what, args := range everyWay(listed.UserID, listed.ID) {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				here := &stage{t: t, idp: s.idp, env: maps.Clone(s.env)}
				maps.Copy(here.env, row.env)
				o := here.run(args...)
				if isEnd := args[1] == "end"; isEnd != strings.Contains(o.stderr, "users may still be signed in") {
					t.Errorf("%+v", o)
				}
				if o.status != statusFound || strings.Contains(o.stderr, "The service is busy") || strings.Contains(o.stderr, "tell the administrator") {
					t.Errorf("%+v", o)
				}
				for _, text := range row.says {
					if !strings.Contains(o.stderr, text) {
						t.Errorf("it does not say %q: %+v", text, o)
					}
				}
			})
		}
	}
	t.Cleanup(func() {
		if !s.isSignedIn(s.app, cookie) {
			t.Error("it ended nevertheless")
		}
	})
}

// Records of versions that announced neither instances nor keys are searched.
func TestSessions_RecordsOfEarlierVersionsShowWhoseTheyAre(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.signIn(s.app, adele)
	for _, key := range s.redis.Keys() {
		if strings.Contains(key, "{instances}") {
			if err := s.redis.Client().Del(t.Context(), key).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, row := range map[string]struct {
		env  map[string]string
		says string
	}{
		"other keys":      {map[string]string{"FIBERMSAL_KEYS": encoded(otherKey)}, "misconfigured: wrong_keys"},
		"other client ID": {map[string]string{"FIBERMSAL_CLIENT_ID": "11111111-2222-3333-4444-555555555555"}, "misconfigured: other_client_id"},
		"other URL":       {map[string]string{"FIBERMSAL_PUBLIC_URL": "http://localhost:4000"}, "misconfigured: other_origin"},
		"other database":  {map[string]string{"FIBERMSAL_REDIS_URL": strings.Replace(s.redis.URL, "/0", "/1", 1) + patiently}, "misconfigured: no_trace"},
	} {
		here := &stage{t: t, idp: s.idp, env: maps.Clone(s.env)}
		maps.Copy(here.env, row.env)
		if o := here.run("sessions", "end", "-mail", adele, "-yes"); o.status != statusFound || !strings.Contains(o.stderr, row.says) {
			t.Errorf("%s: %+v", name, o)
		}
	}
	if o := s.run("sessions", "end", "-mail", adele, "-yes"); o.status != statusOK || o.stdout != "1 session ended\n" {
		t.Errorf("the app's own: %+v", o)
	}
}

// While keys are being replaced, an operator may still have the previous file.
func TestSessions_AStaleKeyFileEndsWhatItFindsAndFails(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	before := s.signIn(s.app, adele)
	after := s.newApp(otherKey, key)
	later := s.signIn(after, adele)
	o := s.run("sessions", "end", "-mail", adele, "-yes")
	if o.status != statusFound || o.stdout != "1 session ended\n" || !strings.Contains(o.stderr, "misconfigured: missing_keys") {
		t.Errorf("%+v", o)
	}
	if s.isSignedIn(s.app, before) || !s.isSignedIn(after, later) {
		t.Error("the wrong one ended")
	}
	if o := s.run("sessions", "list"); o.status != statusFound || !strings.Contains(o.stderr, "missing_keys") {
		t.Errorf("%+v", o)
	}
	s.env["FIBERMSAL_KEYS"] = encoded(otherKey, key)
	if o := s.run("sessions", "end", "-mail", adele, "-yes"); o.status != statusOK || o.stdout != "1 session ended\n" || strings.Contains(o.stderr, "keys") {
		t.Errorf("%+v", o)
	}
	if s.isSignedIn(after, later) {
		t.Error("still there")
	}
}

// An operator's file has only the new key, while the app still accepts sessions of the previous one.
func TestSessions_AKeyThatTheAppStillHasIsMissed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	early := s.signIn(s.app, adele)
	if err := s.app.Shutdown(); err != nil { // the last instance without the new key
		t.Fatal(err)
	}
	after := s.newApp(otherKey, key)
	s.signIn(after, alex)
	s.env["FIBERMSAL_KEYS"] = encoded(otherKey)
	for _, args := range [][]string{
		{"sessions", "end", "-mail", adele, "-yes"},
		{"sessions", "end", "-before", "now", "-yes"},
		{"sessions", "list"},
		{"sessions", "list", "-mail", adele},
		{"sessions", "end", "-before", "now", "-yes", "-from", "256"},
		{"sessions", "list", "-from", "256"}, // which go on
	} {
		if o := s.run(args...); o.status != statusFound || !strings.Contains(o.stderr, "misconfigured: missing_keys") {
			t.Errorf("%q: %+v", args, o)
		}
	}
	if !s.isSignedIn(after, early) {
		t.Error("it ended")
	}
	s.env["FIBERMSAL_KEYS"] = encoded(otherKey, key)
	if o := s.run("sessions", "end", "-mail", adele, "-yes"); o.status != statusOK || o.stdout != "1 session ended\n" || s.isSignedIn(after, early) {
		t.Errorf("with both: %+v", o)
	}
}

// If users of many tenants may sign in, a user's sessions have to be searched for, and only those of
// the new key are found.
func TestSessions_AUserWhoseSessionsAreMissedIsNotOneWithoutSessions(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.signIn(s.app, adele)
	user := s.listed()[0].UserID
	if err := s.app.Shutdown(); err != nil {
		t.Fatal(err)
	}
	s.signIn(s.newApp(otherKey, key), alex)
	s.env["FIBERMSAL_AUTHORITY"] = strings.Replace(s.idp.Authority, s.idp.TenantID, "organizations", 1)
	s.env["FIBERMSAL_ANY_TENANT_MAY_SIGN_IN"] = "true"
	s.env["FIBERMSAL_KEYS"] = encoded(otherKey)
	for _, args := range [][]string{{"sessions", "end", "-user", user, "-yes"}, {"sessions", "list", "-user", user}} {
		if o := s.run(args...); o.status != statusFound || !strings.Contains(o.stderr, "misconfigured: missing_keys") {
			t.Errorf("%q: %+v", args, o)
		}
	}
	s.env["FIBERMSAL_KEYS"] = encoded(otherKey, key)
	if o := s.run("sessions", "end", "-user", user, "-yes"); o.status != statusOK || o.stdout != "1 session ended\n" || strings.Contains(o.stderr, "note") {
		t.Errorf("%+v", o)
	}
	if o := s.run("sessions", "end", "-user", user, "-yes"); o.status != statusOK || o.stdout != "0 sessions ended\n" || !strings.Contains(o.stderr, "add -tenant") {
		t.Errorf("nobody: %+v", o)
	}
}

// The current key is available, so a missing key was removed on purpose.
func TestSessions_ARemovedKeyIsNoFault(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.signIn(s.newApp(otherKey), adele)
	s.redis.Client().Del(t.Context(), slices.DeleteFunc(s.redis.Keys(), func(key string) bool { return !strings.HasSuffix(key, "i:{instances}") || strings.Count(key, ":") < 3 })...)
	s.signIn(s.app, adele)
	if o := s.run("sessions", "end", "-mail", adele, "-yes"); o.status != statusOK || o.stdout != "1 session ended\n" {
		t.Errorf("%+v", o)
	}
}

// An empty storage contains no announcements. It may not be the app's storage.
func TestSessions_AnEmptyStorageIsNoProof(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for what, row := range map[string]struct {
		args   []string
		status int
	}{
		"list":  {[]string{"sessions", "list"}, statusOK},
		"clean": {[]string{"sessions", "clean"}, statusOK},
		"end":   {[]string{"sessions", "end", "-mail", adele, "-yes"}, statusFound},
	} {
		if o := s.run(row.args...); o.status != row.status || !strings.Contains(o.stderr, "no_trace") {
			t.Errorf("%s: %+v", what, o)
		}
	}
}

// The documented user of Redis must not be able to search.
func TestSessions_TheDocumentedRightsSuffice(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.signIn(s.app, adele)
	const rules = ">redis-canary resetkeys ~fm:* resetchannels -@all +get +set +getrange +del +pexpire +pttl +time +eval +evalsha +zadd +zrange +zrem +zcard +zremrangebyscore"
	args := []any{"ACL", "SETUSER", "app", "on"}
	for _, rule := range strings.Fields(rules) {
		args = append(args, rule)
	}
	if err := s.redis.Client().Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	s.env["FIBERMSAL_REDIS_URL"] = s.redis.URLAs("app", "redis-canary") + patiently
	if got := s.listed(); len(got) != 1 {
		t.Errorf("%d", len(got))
	}
	s.env["FIBERMSAL_KEYS"] = encoded(otherKey)
	if o := s.run("sessions", "end", "-mail", adele, "-yes"); o.status != statusFound || !strings.Contains(o.stderr, "wrong_keys") {
		t.Errorf("%+v", o)
	}
	s.env["FIBERMSAL_CLIENT_ID"] = "11111111-2222-3333-4444-555555555555"
	if o := s.run("sessions", "end", "-mail", adele, "-yes"); o.status != statusFound || !strings.Contains(o.stderr, "other_client_id") {
		t.Errorf("%+v", o)
	}
}

// With -json, programs read the last line.
func TestJSON_ErrorsAreObjects(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.signIn(s.app, adele)
	empty := redistest.Start(t)
	for name, row := range map[string]struct {
		args         []string
		env          map[string]string
		code, reason string
	}{
		"other keys":  {[]string{"sessions", "list"}, map[string]string{"FIBERMSAL_KEYS": encoded(otherKey)}, "misconfigured", "wrong_keys"},
		"no trace":    {[]string{"sessions", "end", "-mail", adele, "-yes"}, map[string]string{"FIBERMSAL_REDIS_URL": empty.URL + patiently}, "misconfigured", "no_trace"},
		"down":        {[]string{"sessions", "clean"}, map[string]string{"FIBERMSAL_REDIS_URL": "redis://127.0.0.1:1/0"}, "unavailable", "storage_failed"},
		"environment": {[]string{"doctor"}, map[string]string{"FIBERMSAL_KEYS": "x"}, "", ""},
		"usage":       {[]string{"sessions", "end"}, nil, "", ""},
	} {
		here := &stage{t: t, idp: s.idp, env: maps.Clone(s.env)}
		maps.Copy(here.env, row.env)
		o := here.run(append(row.args, "-json")...)
		lines := strings.Split(strings.TrimSpace(o.stdout), "\n")
		var last struct{ Error failure }
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || o.status == statusOK ||
			last.Error.Code != row.code || last.Error.Reason != row.reason || last.Error.Message == "" {
			t.Errorf("%s: %v %+v", name, err, o)
		}
	}
}
