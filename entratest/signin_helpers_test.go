package entratest_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

const (
	demandC1  = `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`
	demandC1s = `{"id_token":{"acrs":{"essential":true,"values":["c1","c2"]}},"access_token":{"xms_cc":{"values":["cp1"]},"acrs":{"essential":true,"value":"c1"}}}`
	cp1       = `{"access_token":{"xms_cc":{"values":["cp1"]}}}`
)

// enter signs in in the browser and returns the response's parameters.
func enter(t *testing.T, b *entratest.Browser, authorizeURL, login string) url.Values {
	t.Helper()
	r, err := b.SignIn(authorizeURL, login)
	if err != nil {
		t.Fatal(err)
	}
	return r.Values
}

func wantCode(t *testing.T, v url.Values) {
	t.Helper()
	if v.Get("code") == "" {
		t.Errorf("no code in %v", v)
	}
}

func wantRefusal(t *testing.T, v url.Values, oauth string, code int) {
	t.Helper()
	if v.Get("error") != oauth || !strings.HasPrefix(v.Get("error_description"), "AADSTS"+strconv.Itoa(code)+": ") || v.Has("code") {
		t.Errorf("got %v, want %s %d", v, oauth, code)
	}
}
