package doctor

import "testing"

func TestRedisInfo_WhatIsNotReportedIsNotOK(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]Severity{
		"redis_version:7.0.15\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n": {SeverityOK, SeverityOK, SeverityOK},
		"redis_version:6.2\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n":                   {SeverityOK, SeverityOK, SeverityOK},
		"redis_version:6.0.16\r\nmaxmemory:1\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:0":    {SeverityOK, SeverityError, SeverityWarning},
		"redis_version:5.0.7\r\nmaxmemory:0\r\nmaxmemory_policy:volatile-ttl\r\naof_enabled:0":    {SeverityError, SeverityWarning, SeverityWarning},
		"redis_version:7\r\n":         {SeverityOK, SeverityWarning, SeverityWarning},
		"redis_version:seven.two.1":   {SeverityWarning, SeverityWarning, SeverityWarning},
		"# Server\r\nnothing\r\n\r\n": {SeverityWarning, SeverityWarning, SeverityWarning},
	} {
		fields := parseInfo(text)
		for i, f := range []Finding{version(fields), eviction(fields), persistence(fields)} {
			if f.Severity != want[i] {
				t.Errorf("%q: %+v, want %s", text, f, want[i])
			}
		}
	}
}
