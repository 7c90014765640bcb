package tokencache_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/tokencache"
)

const (
	account = "uid.utid"
	client  = "client"
)

var owner = tokencache.Owner{Account: account, ClientID: client, Environment: "login.example", Realm: "t"}

// cacheOf writes a cache as MSAL does; each token is "scopes:expires:cached".
func cacheOf(tb testing.TB, now time.Time, tokens ...string) *tokencache.Cache {
	tb.Helper()
	var entries []string
	for _, token := range tokens {
		part := strings.Split(token, ":")
		life, err := time.ParseDuration(part[1])
		if err != nil {
			tb.Fatal(err)
		}
		age, err := time.ParseDuration(part[2])
		if err != nil {
			tb.Fatal(err)
		}
		entries = append(entries, fmt.Sprintf(`"%s-login.example-accesstoken-%s-t-%s":{"home_account_id":"%s","environment":"login.example",
			"realm":"t","credential_type":"AccessToken","client_id":"%s","secret":"secret of %s","target":"%s","expires_on":"%d","cached_at":"%d","token_type":"Bearer"}`,
			account, client, part[0], account, client, token, part[0], now.Add(life).Unix(), now.Add(-age).Unix()))
	}
	c, err := tokencache.Parse([]byte(`{"AccessToken":{` + strings.Join(entries, ",") + `},"RefreshToken":{"rt-` + tokens[0] + `":{"secret":"x"},"rt":{"secret":"` + tokens[0] + `","home_account_id":"` + account + `","environment":"login.example","client_id":"` + client + `"}},"AppMetadata":{},"Unknown":7}`))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestFind(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := cacheOf(t, now, "openid User.Read:1h:5m", "openid User.Read Mail.Read:2h:0s", "Other:9h:0s")
	for scopes, want := range map[string]string{
		"User.Read":           "secret of openid User.Read Mail.Read:2h:0s", // the one that lives longest
		"user.read mail.READ": "secret of openid User.Read Mail.Read:2h:0s",
		"Other":               "secret of Other:9h:0s",
		"Other User.Read":     "",
		"Files.Read":          "",
	} {
		got, ok := c.Find(owner, strings.Fields(scopes))
		if got.Secret != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", scopes, got.Secret, ok)
		}
	}
	for name, o := range map[string]tokencache.Owner{
		"account":     {Account: "another.utid", ClientID: client, Environment: "login.example", Realm: "t"},
		"app":         {Account: account, ClientID: "another", Environment: "login.example", Realm: "t"},
		"environment": {Account: account, ClientID: client, Environment: "another.example", Realm: "t"},
		"tenant":      {Account: account, ClientID: client, Environment: "login.example", Realm: "another"},
	} {
		if _, ok := c.Find(o, []string{"User.Read"}); ok {
			t.Errorf("a token of another %s", name)
		}
		if c.HasRefreshToken(o) != (name == "tenant") { // which serves all tenants
			t.Errorf("a refresh token of another %s", name)
		}
	}
}

func TestDrop_LeavesOutWhatMatchesAndWhatIsOver(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := cacheOf(t, now, "User.Read:1h:5m", "User.Read Mail.Read:1h:5m", "Files.Read:1h:5m", "Old.Scope:-1s:2h")
	c.Drop(owner, []string{"User.Read"}, now)
	content := c.Bytes()
	for text, want := range map[string]bool{
		"secret of User.Read": false, "secret of Old.Scope": false, "secret of Files.Read": true,
		`"Unknown":7`: true, `"RefreshToken":`: true, `"AppMetadata":`: true,
	} {
		if strings.Contains(string(content), text) != want {
			t.Errorf("%s: want %v in %s", text, want, content)
		}
	}
	if _, ok := c.Find(owner, []string{"User.Read"}); ok {
		t.Error("still there")
	}
	if _, ok := c.Find(owner, []string{"Files.Read"}); !ok || !c.HasRefreshToken(owner) {
		t.Error("too much is gone")
	}
}

func TestMerge_TheNewerOneWins(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, row := range map[string]struct{ ours, theirs, want string }{
		"ours is newer":   {"A:1h:1m", "B:1h:2m", "A:1h:1m"},
		"theirs is newer": {"A:1h:2m", "B:1h:1m", "B:1h:1m"},
	} {
		ours := cacheOf(t, now, row.ours)
		ours.Merge(cacheOf(t, now, row.theirs))
		for _, scope := range []string{"A", "B"} {
			if _, ok := ours.Find(owner, []string{scope}); !ok {
				t.Errorf("%s: %s is lost", name, scope)
			}
		}
		content := ours.Bytes()
		if !strings.Contains(string(content), `"rt":{"secret":"`+row.want+`"`) {
			t.Errorf("%s: %s", name, content)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for content, wantError := range map[string]bool{"": false, "{}": false, "null": false, `{"AccessToken":null}`: false, "x": true, "[]": true, `{"AccessToken":[1]}`: false} {
		c, err := tokencache.Parse([]byte(content))
		if (err != nil) != wantError {
			t.Errorf("%q: %v", content, err)
		}
		if err == nil {
			if _, ok := c.Find(owner, nil); ok || c.HasRefreshToken(owner) {
				t.Errorf("%q has tokens", content)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"AccessToken":{"k":{"expires_on":"1","target":"a"}}}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := tokencache.Parse(content)
		if err != nil {
			return
		}
		c.Find(owner, []string{"a"})
		c.Drop(owner, []string{"a"}, time.Now())
		again := c.Bytes()
		if _, err := tokencache.Parse(again); err != nil {
			t.Fatalf("%q became %q", content, again)
		}
	})
}
