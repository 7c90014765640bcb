package redact_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fibermsal/fibermsal/internal/redact"
)

func TestText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"connection refused":                "connection refused",
		"status code 500":                   "status code 500",
		"redis://user:S3cret@host:6379/0":   "redis[redacted]host:6379/0",
		`{"access_token":"abc","x":1}`:      `{"[redacted]","x":1}`,
		"POST code=abc&state=def":           "POST [redacted]&[redacted]",
		"Authorization: Bearer abc.def":     "[redacted]",
		"bearer abc":                        "[redacted]",
		"Authorization: Basic dXNlcjpwYXNz": "[redacted]",
		"Cookie: a=1; b=2":                  "[redacted]",
		"redis://user:p@ss@host:6379":       "redis[redacted]host:6379",
		"redis://user:pa/ss@host:6379":      "redis[redacted]host:6379",
		`{\"access_token\":\"abc\"}`:        `{\"[redacted]\"}`,
		"secret=abc token=def pwd=ghi":      "[redacted] [redacted] [redacted]",
		"AADSTS50011: 'https://portal.contoso.example/very/long/path/to/authorized' is not registered": "AADSTS50011: 'https://portal.contoso.example/very/long/path/to/authorized' is not registered",
		"jwt eyJhbGciOiJub25lIn0.e30. end":      "jwt [redacted] end",
		"two\r\nlines\x00and\u2028more":         "two  lines and more",
		"key " + strings.Repeat("a1", 30):       "key [redacted]",
		"guid 11111111-2222-3333-4444-55555555": "guid 11111111-2222-3333-4444-55555555",
	} {
		if got := redact.Text(text); got != want {
			t.Errorf("Text(%q) = %q, want %q", text, got, want)
		}
	}
}

// A credential that is cut off in the middle is not recognized, and not shown either.
func TestText_OfACredentialAtTheCut(t *testing.T) {
	t.Parallel()
	const secret = "c4n4ry-c4n4ry"
	for name, text := range map[string]string{
		"password of a URL": "redis://user:" + secret + "@host",
		"long password":     "redis://user:" + strings.Repeat(secret, 200) + "@host",
		"in JSON":           `{"client_secret":"` + secret + `","x":"` + strings.Repeat("y ", 2000) + `"}`,
		"of a name":         "client_secret = " + secret + " ",
		"bearer":            "Bearer " + secret + " ",
		"cookie":            "Cookie: a=b; c=" + secret + " d=" + secret + "; e",
		"opaque":            strings.Repeat(secret, 10),
	} {
		// Redaction shortens the text before it, so that the end of the searched part becomes visible.
		// The test places this end at each position of the text.
		filler := strings.Repeat("eyJ"+strings.Repeat("a", 60)+" ", 20)
		for before := 900; before < 1050; before++ {
			got := redact.Text(filler[:before] + " " + text + strings.Repeat(" z", 1000))
			if strings.Contains(got, secret[:4]) {
				t.Fatalf("%s after %d bytes: %q", name, before, got[max(0, len(got)-100):])
			}
			if len(got) > 600 || !utf8.ValidString(got) {
				t.Fatalf("%s after %d bytes: %d bytes", name, before, len(got))
			}
		}
	}
}

// A client can send an error with kilobytes of text, and only the beginning of it is shown.
//
// Not parallel: time is measured.
func TestText_ALongTextCostsNoMoreThanAShortOne(t *testing.T) {
	for name, unit := range map[string]string{
		"words": "word ", "schemes": "://", "names": "state=", "headers": "cookie ", "tokens": "eyJ", "one run": "y", "bytes": "\xff", "lines": "\ntoken:",
	} {
		fastest := func(size int) time.Duration {
			text := strings.Repeat(unit, size/len(unit))
			best := time.Hour
			for range 20 {
				began := time.Now()
				redact.Text(text)
				best = min(best, time.Since(began))
			}
			return best
		}
		// A cost that grows with the text would be 32 times as high. The rest is for a busy machine.
		if short, long := fastest(2<<10), fastest(64<<10); long > 16*short+100*time.Microsecond {
			t.Errorf("%s: 64 kB take %v, 2 kB %v", name, long, short)
		}
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	if redact.Wrap(nil, nil) != nil {
		t.Error("nil became an error")
	}
	err := redact.Wrap(fmt.Errorf("client_secret=abc: %w", io.EOF), io.EOF)
	if !errors.Is(err, io.EOF) || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "abc") {
		t.Errorf("%#v", err)
	}
}

func FuzzText(f *testing.F) {
	const secret = "c4n4ryc4n4ryc4n4ryc4n4ry-c4n4ryc4n4ryc4n4ry" // of short words it would be a path
	for _, seed := range []string{"before %s after", `{"refresh_token":"%s"}`, "code=%s&x=1", "://u:%s@host", "\n%s\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		planted := strings.ReplaceAll(text, "%s", secret)
		got := redact.Text(planted)
		if strings.Contains(got, secret) {
			t.Fatalf("%q survives in %q", secret, got)
		}
		if strings.ContainsFunc(got, unicode.IsControl) {
			t.Fatalf("control characters in %q", got)
		}
	})
}
