package doctor

import "testing"

func TestRedisInfo_WhatIsNotToldIsNotFine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]Severity{
		"redis_version:7.0.15\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n": {OK, OK, OK},
		"redis_version:6.2\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n":                   {OK, OK, OK},
		"redis_version:6.0.16\r\nmaxmemory:1\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:0":    {OK, Error, Warning},
		"redis_version:5.0.7\r\nmaxmemory:0\r\nmaxmemory_policy:volatile-ttl\r\naof_enabled:0":    {Error, Warning, Warning},
		"redis_version:7\r\n":         {OK, Warning, Warning},
		"redis_version:seven.two.1":   {Warning, Warning, Warning},
		"# Server\r\nnothing\r\n\r\n": {Warning, Warning, Warning},
	} {
		fields := parseInfo(text)
		for i, f := range []Finding{version(fields), eviction(fields), persistence(fields)} {
			if f.Severity != want[i] {
				t.Errorf("%q: %+v, want %s", text, f, want[i])
			}
		}
	}
}
