package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

var (
	announcedURL      = regexp.MustCompile(`(?m)^\s*Open\s+(http://localhost:(\d+))$`)
	announcedRedirect = regexp.MustCompile(`(?m)^\s*Redirect URI \(type Web\)\s+(\S+)$`)
)

func TestExample_NeedsNoConfiguration(t *testing.T) {
	t.Parallel()
	for name, example := range map[string]*program{"Fiber v2": exampleApp, "Fiber v3": exampleAppV3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runUnconfigured(t, example)
		})
	}
}

// runUnconfigured sets the port only, because another program may have the usual one.
func runUnconfigured(t *testing.T, example *program) {
	t.Helper()
	q := run(t, example, []string{"PORT=0"})
	q.await("ready", func() bool { return announcedURL.MatchString(q.stdout.String()) })
	open := announcedURL.FindStringSubmatch(q.stdout.String())
	redirect := announcedRedirect.FindStringSubmatch(q.stdout.String())
	if redirect == nil || redirect[1] != open[1]+"/user/authorized" {
		t.Errorf("redirect URI: %q\n%s", redirect, q.stdout)
	}

	c := newClient(t, site{url: open[1], port: open[2]})
	if a := c.navigate("/"); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "Sign in") {
		t.Errorf("the home page: %d\n%s", a.StatusCode, a.body)
	}
	if got := c.user(); got != "" {
		t.Errorf("before the sign-in: %q", got)
	}
	c.signIn(adele.login)
	if got := c.user(); got != adele.login {
		t.Errorf("after the sign-in: %q\n%s", got, q.stderr)
	}
	if me := c.get("/api/me"); me.StatusCode != http.StatusOK || me.json(t)["mail"] == "" {
		t.Errorf("/api/me: %d %s", me.StatusCode, me.body)
	}
	photo := c.get("/user/photo")
	if kind := http.DetectContentType([]byte(photo.body)); photo.StatusCode != http.StatusOK || kind != "image/jpeg" {
		t.Errorf("/user/photo: %d %s", photo.StatusCode, kind)
	}

	q.signal(syscall.SIGINT)
	if status := q.wait(); status != 0 {
		t.Errorf("exit status %d after SIGINT\n%s", status, q.stderr)
	}
}

func TestExample_NamesEverythingThatIsWrongWithItsEnvironment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ env, named []string }{
		"a secret alone never means the emulator": {
			env:   []string{"FIBERMSAL_CLIENT_SECRET=s3cr3t-s3cr3t"},
			named: []string{"FIBERMSAL_CLIENT_ID", "FIBERMSAL_TENANT_ID", "FIBERMSAL_PUBLIC_URL"},
		},
		"a client id alone": {
			env:   []string{"FIBERMSAL_CLIENT_ID=11111111-1111-4111-8111-111111111111"},
			named: []string{"FIBERMSAL_CLIENT_SECRET", "FIBERMSAL_TENANT_ID", "FIBERMSAL_PUBLIC_URL"},
		},
		"values that are wrong": {
			env: []string{
				"FIBERMSAL_CLIENT_ID=11111111-1111-4111-8111-111111111111", "FIBERMSAL_CLIENT_SECRET=s3cr3t-s3cr3t",
				"FIBERMSAL_AUTHORITY=http://login.example/tenant", "FIBERMSAL_PUBLIC_URL=http://app.example",
				"FIBERMSAL_KEYS=s3cr3t-s3cr3t", "FIBERMSAL_RESPONSE_MODE=fragment", "FIBERMSAL_REDIS_URL=s3cr3t-s3cr3t",
				"FIBERMSAL_GRAPH_URL=https://graph.example/beta", "FIBERMSAL_CA_FILE=/nowhere", "PORT=high",
			},
			named: []string{
				"FIBERMSAL_AUTHORITY", "FIBERMSAL_PUBLIC_URL", "FIBERMSAL_KEYS", "FIBERMSAL_RESPONSE_MODE",
				"FIBERMSAL_REDIS_URL", "FIBERMSAL_GRAPH_URL", "FIBERMSAL_CA_FILE", "PORT",
			},
		},
		"Redis without keys": {
			env: []string{"FIBERMSAL_REDIS_URL=redis://127.0.0.1:1/0"}, named: []string{"FIBERMSAL_KEYS"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := run(t, exampleApp, c.env)
			if status := q.wait(); status != 2 {
				t.Errorf("exit status %d, want 2", status)
			}
			for _, variable := range c.named {
				if !strings.Contains(q.stderr.String(), variable+":") {
					t.Errorf("%s is not named:\n%s", variable, q.stderr)
				}
			}
			if strings.Contains(q.stderr.String()+q.stdout.String(), "s3cr3t") {
				t.Errorf("a secret is repeated:\n%s", q.stderr)
			}
		})
	}
}
