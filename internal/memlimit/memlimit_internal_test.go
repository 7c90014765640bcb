package memlimit

import (
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestLimitOf(t *testing.T) {
	t.Parallel()
	const (
		machine = "MemFree:         123 kB\nMemTotal:        4194304 kB\n"
		two     = "sys/fs/cgroup/memory.max"
		one     = "sys/fs/cgroup/memory/memory.limit_in_bytes"
	)
	for name, row := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no Linux":            {nil, math.MaxInt64},
		"a machine":           {map[string]string{"proc/meminfo": machine}, 4 << 30},
		"a container":         {map[string]string{"proc/meminfo": machine, two: "536870912\n"}, 512 << 20},
		"of the first kind":   {map[string]string{"proc/meminfo": machine, one: "268435456\n"}, 256 << 20},
		"without a limit":     {map[string]string{"proc/meminfo": machine, two: "max\n"}, 4 << 30},
		"with a huge one":     {map[string]string{"proc/meminfo": machine, one: "9223372036854771712\n"}, 4 << 30},
		"more than there is":  {map[string]string{"proc/meminfo": machine, two: "8589934592"}, 4 << 30},
		"unreadable files":    {map[string]string{"proc/meminfo": "MemTotal: lots\n", two: "", one: "-1"}, math.MaxInt64},
		"another unit":        {map[string]string{"proc/meminfo": "MemTotal: 4 GB\n"}, math.MaxInt64},
		"a number too large":  {map[string]string{"proc/meminfo": "MemTotal: 99999999999999999999 kB\n"}, math.MaxInt64},
		"nothing but a limit": {map[string]string{two: "1"}, 1},
	} {
		files := fstest.MapFS{}
		for path, content := range row.files {
			files[path] = &fstest.MapFile{Data: []byte(content)}
		}
		if got := limitOf(files); got != row.want {
			t.Errorf("%s: %d", name, got)
		}
	}
}

// Not parallel: the limit is that of the process.
func TestAvailable_IsAtMostGOMEMLIMIT(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 20))
	if got := Available(); got != 1<<20 {
		t.Error(got)
	}
}
