package tokencache_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/tokencache"
)

// storedEntry has the names that MSAL gives the fields of an access token
// (apps/internal/base/storage/items.go), in all records that are stored.
const storedEntry = `{"AccessToken":{"key":{"home_account_id":"uid.utid","environment":"login.example","realm":"t",
	"credential_type":"AccessToken","client_id":"client","secret":"s","target":"User.Read","token_type":"Bearer","ext_cache_key":"",
	"expires_on":"2000000000","refresh_on":"1900000000","cached_at":"1800000000"}}}`

func TestFind_ReadsEveryFieldOfAnEntry(t *testing.T) {
	t.Parallel()
	find := func(entry string) (tokencache.Token, bool) {
		c, err := tokencache.Parse([]byte(entry))
		if err != nil {
			t.Fatal(err)
		}
		return c.Find(owner, []string{"User.Read"})
	}
	want := tokencache.Token{Secret: "s", ExpiresOn: time.Unix(2e9, 0), RefreshOn: time.Unix(1.9e9, 0), CachedAt: time.Unix(1.8e9, 0)}
	if got, ok := find(storedEntry); !ok || got != want {
		t.Errorf("%+v, %v", got, ok)
	}
	for field, change := range map[string][2]string{
		"account":          {"uid.utid", "another"},
		"environment":      {"login.example", "another"},
		"tenant":           {`"realm":"t"`, `"realm":"another"`},
		"app":              {`"client_id":"client"`, `"client_id":"another"`},
		"scopes":           {"User.Read", "Mail.Read"},
		"no bearer token":  {"Bearer", "pop"},
		"of an extension":  {`"ext_cache_key":""`, `"ext_cache_key":"hash"`},
		"without a secret": {`"secret":"s"`, `"secret":""`},
	} {
		if got, ok := find(strings.Replace(storedEntry, change[0], change[1], 1)); ok {
			t.Errorf("%s: found %+v", field, got)
		}
	}
}
