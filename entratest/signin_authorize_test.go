package entratest_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestAuthorize_RemembersTheSignedInUsers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := newBrowser(t, s)
	adele, alex := "87d349ed-44d7-43e1-9a83-5f2406dee5bd", "4782e723-f4f4-4af3-a76e-25e3bab0d896"
	b.wants(b.open(), "accounts")
	b.wants(b.press(url.Values{"user": {adele}}), "consent")
	b.wants(b.open("prompt=none"), "form_post") // consent_required
	b.wants(b.press(url.Values{"user": {adele}, "action": {"accept"}}), "form_post")
	if s.Count(entratest.Login) != 2 || s.Requests(entratest.Login)[1].User != "AdeleV@contoso.com" {
		t.Errorf("recorded %v", s.Requests(entratest.Login))
	}
	signedIn := b.open("prompt=none")
	if !strings.Contains(signedIn.body, "canary-code") {
		t.Error("prompt=none gave no code with one signed in")
	}
	b.wants(b.open(), "form_post") // single sign-on
	b.wants(b.open("prompt=login"), "accounts")
	b.wants(b.open("prompt=select_account"), "accounts")
	b.wants(b.open("prompt=consent"), "consent")
	b.wants(b.open("scope=openid Mail.Read"), "consent")
	b.wants(b.open("login_hint=AlexW@contoso.com"), "accounts")

	b.wants(b.press(url.Values{"user": {alex}}), "consent")
	b.press(url.Values{"user": {alex}, "action": {"accept"}})
	b.wants(b.open(), "accounts") // which of the two?
	if two := b.open("prompt=none"); !strings.Contains(two.body, "AADSTS16000") {
		t.Error("prompt=none chose between two")
	}
	b.wants(b.open("login_hint=AlexW@contoso.com"), "form_post")

	s.Revoke("AlexW@contoso.com")
	b.wants(b.open(), "form_post") // only Adele is left
}

func TestAuthorize_SignsAHintInAtOnceWithAuto(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithAutoSignIn())
	b := newBrowser(t, s)
	b.wants(b.open(), "accounts")
	b.wants(b.open("login_hint=AdeleV@contoso.com"), "form_post")
}
