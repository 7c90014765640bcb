package main

import (
	"bufio"
	"bytes"
	"context"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// TestMain lets the test binary act as the program, for tests that need a separate process.
func TestMain(m *testing.M) {
	if os.Getenv("FIBER_APP_TEST_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is the app as a process with nothing but the given environment.
func program(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append([]string{"FIBER_APP_TEST_MAIN=1", "TMPDIR=" + t.TempDir()}, env...)
	return cmd
}

func TestProgram_RefusesAWrongEnvironment(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	cmd := program(t, varSecret+"=canary-secret", varKeys+"=x", varPort+"=0")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState.ExitCode() != 2 {
		t.Errorf("exit: %v", err)
	}
	for _, name := range []string{varClientID, varSecret, varTenant, varPublicURL, varKeys} {
		if !strings.Contains(stderr.String(), name) {
			t.Errorf("%s is not named: %s", name, stderr.String())
		}
	}
	if stdout.Len() > 0 || strings.Contains(stderr.String(), "canary-secret") {
		t.Errorf("output: %s%s", stdout.String(), stderr.String())
	}
}

var announced = regexp.MustCompile(`(?s)Open\s+(\S+).*Redirect URI \(type Web\)\s+(\S+).*Listening on\s+(\S+)`)

// start runs the program and waits until it has printed its address.
func start(t *testing.T, env ...string) (cmd *exec.Cmd, home, redirectURI, address string) {
	t.Helper()
	cmd = program(t, env...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var said strings.Builder
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if m := announced.FindStringSubmatch(said.String()); m != nil && strings.Contains(said.String(), "real tenant") {
			go func() { _, _ = io.Copy(io.Discard, stdout) }() // the rest, until the process ends
			return cmd, m[1], m[2], m[3]
		}
	}
	t.Fatalf("the program ended: %s", said.String())
	return nil, "", "", ""
}

// Without any configuration the program uses the emulator on loopback, through real sockets.
func TestProgram_WithTheEmulator(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			cmd, home, redirectURI, address := start(t, varPort+"=0")
			if host, _, _ := net.SplitHostPort(address); host != "127.0.0.1" || redirectURI != home+"/user/authorized" {
				t.Errorf("listening on %s, redirect URI %s", address, redirectURI)
			}
			signInOverSockets(t, home)
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("exit: %v", err)
			}
		})
	}
}

var (
	form   = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
)

// signInOverSockets follows the redirects to the emulator's account chooser, picks
// Adele, consents, and ends on the profile page.
func signInOverSockets(t *testing.T, home string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: time.Minute, Transport: loopback()}
	response := do(t, client, http.MethodGet, home+"/profile", nil)
	for range 2 {
		action := form.FindStringSubmatch(response.Text)
		if action == nil {
			t.Fatalf("%s has no form: %s", response.Request.URL, response.Text)
		}
		target, err := response.Request.URL.Parse(action[1])
		if err != nil {
			t.Fatal(err)
		}
		fields := url.Values{"action": {"accept"}}
		if strings.Contains(response.Text, "Pick an account") {
			fields = url.Values{"user": {"AdeleV@contoso.com"}}
		}
		for _, input := range hidden.FindAllStringSubmatch(response.Text, -1) {
			fields.Set(input[1], html.UnescapeString(input[2]))
		}
		response = do(t, client, http.MethodPost, target.String(), fields)
	}
	if response.Request.URL.String() != home+"/profile" || !strings.Contains(response.Text, "Retail Manager") {
		t.Errorf("ended at %s: %s", response.Request.URL, response.Text)
	}
}

// loopback resolves names below .localhost as browsers do; Go asks the system.
func loopback() *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		var d net.Dialer
		return d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}}
}

func do(t *testing.T, client *http.Client, method, target string, fields url.Values) *browsertest.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(fields.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if fields != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return browsertest.Read(t, response)
}
