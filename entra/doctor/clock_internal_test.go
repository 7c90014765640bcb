package doctor

import (
	"net/http"
	"testing"
	"time"
)

func TestSkewOf_IsWhatTheHeaderCannotExplain(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)
	for name, row := range map[string]struct {
		header   http.Header
		want     time.Duration
		measured bool
	}{
		"in step":        {http.Header{"Date": {"Fri, 02 Jan 2026 03:04:05 GMT"}}, 0, true},
		"a slow answer":  {http.Header{"Date": {"Fri, 02 Jan 2026 03:04:07 GMT"}}, 0, true},
		"ahead":          {http.Header{"Date": {"Fri, 02 Jan 2026 03:00:05 GMT"}}, 3*time.Minute + 59*time.Second + 600*time.Millisecond, true},
		"behind":         {http.Header{"Date": {"Fri, 02 Jan 2026 03:05:07 GMT"}}, -59*time.Second - 400*time.Millisecond, true},
		"from a cache":   {http.Header{"Date": {"Fri, 02 Jan 2026 02:04:05 GMT"}, "Age": {"3600"}}, 0, true},
		"no header":      {http.Header{}, 0, false},
		"not a date":     {http.Header{"Date": {"today"}}, 0, false},
		"a nonsense age": {http.Header{"Date": {"Fri, 02 Jan 2026 03:04:05 GMT"}, "Age": {"-1"}}, 0, true},
	} {
		got, measured := skewOf(row.header, now, now.Add(2*time.Second))
		if got != row.want || measured != row.measured {
			t.Errorf("%s: %v, %v", name, got, measured)
		}
	}
}
