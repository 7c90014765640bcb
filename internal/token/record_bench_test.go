package token_test

import (
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
	"github.com/fibermsal/fibermsal/internal/storedtest"
	"github.com/fibermsal/fibermsal/internal/tokencache"
)

// BenchmarkRecordToToken is the first token of a session in a process, from the sealed record of each
// version.
func BenchmarkRecordToToken(b *testing.B) {
	for commit, file := range storedtest.Each[storedtest.RedisFile](b, "../..", storedtest.Redis) {
		b.Run("record="+commit, func(b *testing.B) { recordToToken(b, file) })
	}
}

func recordToToken(b *testing.B, file *storedtest.RedisFile) {
	b.Helper()
	ring, err := sealed.NewRing(file.Keys, "records")
	if err != nil {
		b.Fatal(err)
	}
	records := record.NewStore(nil, ring, file.ClientID)
	name, _ := record.SessionID(file.Sessions[0].Cookie)
	owner := tokencache.Owner{
		Account:  file.Sessions[0].UserID + "." + file.TenantID,
		ClientID: file.ClientID, Environment: "login.entra.test", Realm: file.TenantID,
	}
	for _, entry := range file.Entries {
		if !strings.HasSuffix(entry.Key, "{"+name+"}:"+string(record.Tokens)) {
			continue
		}
		b.ReportAllocs()
		for b.Loop() {
			content, err := records.Open(name, record.Tokens, entry.Value)
			if err != nil {
				b.Fatal(err)
			}
			cache, err := tokencache.Parse(content)
			if err != nil {
				b.Fatal(err)
			}
			if _, ok := cache.Find(owner, []string{"User.Read"}); !ok {
				b.Fatal("no token")
			}
		}
	}
}
