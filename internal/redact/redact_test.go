package redact_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"

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
	const secret = "c4n4ry-c4n4ry-c4n4ry-c4n4ry-c4n4ry-c4n4ry"
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
