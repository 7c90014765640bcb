package redisclient_test

import (
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/redisclient"
)

// No URL causes a panic, and no error contains the password, regardless of its place in the URL (threat
// F2).
func FuzzNew(f *testing.F) {
	const password = "correct-horse-battery"
	for _, seed := range [][2]string{
		{"redis://user:", "@127.0.0.1:1/0"},
		{"rediss://:", "@127.0.0.1:1/0?read_timeout=1s"},
		{"redis://user:/", "@host"},
		{"redis://user:#", "@host"},
		{"redis://user:?", "@host"},
		{"redis://:", "@127.0.0.1:1?addr=127.0.0.1:2&read_only=true"},
		{"redis://:", "@127.0.0.1:1?master_name=m&route_by_latency=true"},
		{"unix://:", "@/tmp/redis.sock?db=1"},
		{"redis://127.0.0.1:1/", ""},
		{"redis://127.0.0.1:1?", "=1"},
		{"redis://127.0.0.1:1?db=", ""},
		{"http://", "@host"},
		{"", ""},
		{"redis://user:", "%zz@host"},
		{"redis://", ":6379"},
		{"redis://[::1]:", "/0"},
		{"redis://127.0.0.1:1?max_retries=", ""},
		{"redis://127.0.0.1:1?protocol=", "&x=y"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		client, err := redisclient.New(before+password+after, redisclient.Options{})
		if err == nil {
			_ = client.Close()
			return
		}
		if strings.Contains(err.Error(), password) && !strings.Contains(before, "?") { // else it may be the name of an option
			t.Fatalf("%q, %q: %v", before, after, err)
		}
		if len(err.Error()) > 400+len(before)+len(after) {
			t.Fatalf("%q, %q: a text of %d bytes", before, after, len(err.Error()))
		}
	})
}
