package entratest_test

import (
	"net/url"
	"strings"
	"testing"
)

func TestPages_AreSafeAndLetTheFormGo(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := newBrowser(t, s)
	chooser := b.open("state=\"><script>alert(1)</script>", "login_hint=AlexW@contoso.com")
	policy := chooser.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "script-src 'nonce-") || strings.Contains(policy, "form-action") {
		t.Errorf("policy %q", policy)
	}
	if strings.Contains(chooser.body, "<script>alert") {
		t.Error("state is not escaped")
	}
	_, buttons, _ := strings.Cut(chooser.body, "<button")
	first, _, _ := strings.Cut(buttons, "</button>")
	if !strings.Contains(first, "Alex Wilber") || !strings.Contains(first, "hinted") {
		t.Errorf("the hinted account is not first: %s", first)
	}
	answered := b.press(url.Values{"action": {"cancel"}}, "state=<b>bold</b>")
	for _, want := range []string{
		`<title>Working...</title>`, `<form method="POST" name="hiddenform" action="` + redirectURI + `">`,
		`<input type="hidden" name="state" value="bold">`, `<noscript>`, `document.forms[0].submit()`,
	} {
		if !strings.Contains(answered.body, want) {
			t.Errorf("the form_post page lacks %s", want)
		}
	}
}
