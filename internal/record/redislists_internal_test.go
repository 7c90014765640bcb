package record

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

// before7 makes PEXPIRE refuse options, as Redis does before 7.0.
const before7 = `
local redis = setmetatable({pcall = function(command, ...)
	if command == "PEXPIRE" and select("#", ...) > 2 then return {err = "ERR wrong number of arguments"} end
	return redis.pcall(command, ...)
end}, {__index = redis})
`

// enlistings are the versions of the script that the servers run.
var enlistings = map[string]*redis.Script{"from 7.0 on": enlist, "before 7.0": redis.NewScript(before7 + enlistSource)}

// A list exists exactly as long as the name that expires last, for any order of adding names.
// EndSessions would miss the sessions of a list that expired earlier (threats D12, E9).
func TestD12_RedisKeepsListsAsLongAsTheirLastName(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Patient()
	for version, script := range enlistings {
		for name, lives := range map[string][]time.Duration{
			"one":                    {time.Hour},
			"later and later":        {time.Hour, 2 * time.Hour, 3 * time.Hour},
			"the first is the last":  {3 * time.Hour, time.Hour, 2 * time.Hour},
			"the second is the last": {time.Hour, 3 * time.Hour, 2 * time.Hour},
			"alike":                  {time.Hour, time.Hour},
		} {
			for _, isNew := range []bool{true, false} {
				key := fmt.Sprint(version, name, isNew)
				for i, life := range lives {
					add(t, client, script, strconv.Itoa(i), life, List{Key: key, New: isNew && i == 0})
				}
				checkLife(t, client, key, slices.Max(lives))
			}
		}
		key := version + "without a TTL"
		add(t, client, script, "1", time.Hour, List{Key: key})
		if err := client.Persist(t.Context(), key).Err(); err != nil {
			t.Fatal(err)
		}
		add(t, client, script, "2", time.Minute, List{Key: key})
		if ttl := client.PTTL(t.Context(), key).Val(); ttl <= 0 || ttl > time.Hour {
			t.Errorf("%s: %v", key, ttl)
		}
	}
}

func add(t *testing.T, client redis.UniversalClient, script *redis.Script, name string, life time.Duration, list List) (excess []string) {
	t.Helper()
	query := newEnlistQuery(name, time.Now().Add(life), []List{list})
	excess, marked, err := enlistedIn(script.Run(t.Context(), client, list.keys(), query.arguments(list)...))
	if err != nil || marked != Never {
		t.Fatalf("%s: %v", list.Key, err)
	}
	return excess
}

func checkLife(t *testing.T, client redis.UniversalClient, key string, want time.Duration) {
	t.Helper()
	if ttl := client.PTTL(t.Context(), key).Val(); ttl > want || ttl < want-want/10 {
		t.Errorf("%s lives for %v, want %v", key, ttl, want)
	}
}

// Expired names stay on lists for a while. They must not make a user's sessions too many (threat E12).
func TestE12_ExpiredNamesAreNotInTheExcess(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Patient()
	for version, script := range enlistings {
		list := List{Key: version, Max: 2, Newest: true}
		for i := range 3 * pruneEvery {
			add(t, client, script, fmt.Sprint("expired ", i), time.Millisecond, List{Key: list.Key})
		}
		<-time.After(5 * time.Millisecond)
		for i, want := range [][]string{nil, nil, {"0"}, {"0", "1"}} {
			if got := add(t, client, script, strconv.Itoa(i), time.Duration(i+1)*time.Hour, list); !slices.Equal(got, want) {
				t.Errorf("%s, %d: %v, want %v", version, i, got, want)
			}
		}
		if n := client.ZCard(t.Context(), list.Key).Val(); n != 4 {
			t.Errorf("%s: %d names, 4 of which have not expired", version, n)
		}
	}
}

// A list that never exceeds its limit is pruned from time to time (threat G24).
func TestG24_ExpiredNamesLeaveListsInRedis(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Patient()
	for version, script := range enlistings {
		add(t, client, script, "a session", time.Hour, List{Key: version})
		most := int64(0)
		for i := range 500 {
			add(t, client, script, strconv.Itoa(i), -time.Millisecond, List{Key: version})
			most = max(most, client.ZCard(t.Context(), version).Val())
		}
		t.Logf("%s: %d names at most", version, most)
		if most > 20*pruneEvery { // a chance of less than one in ten million
			t.Errorf("%s: %d names, one of which has not expired", version, most)
		}
		checkLife(t, client, version, time.Hour)
	}
}
