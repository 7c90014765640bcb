// Package memlimit finds out how much memory this process may use.
package memlimit

import (
	"bufio"
	"io/fs"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// Available returns how much memory this process may use, in bytes: GOMEMLIMIT, the limit of its
// container, or the memory of the machine, whichever is less. Only Linux reports the last two. It
// returns [math.MaxInt64] if there is no limit.
func Available() int64 {
	return min(debug.SetMemoryLimit(-1), limitOf(os.DirFS("/"))) // a negative limit is not set
}

// limitOf returns the lowest limit in the files of the kernel.
func limitOf(root fs.FS) int64 {
	limit := int64(math.MaxInt64)
	for _, name := range []string{"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"} { // cgroups 2 and 1
		if content, err := fs.ReadFile(root, name); err == nil {
			limit = min(limit, positive(strings.TrimSpace(string(content)))) // "max" is none
		}
	}
	return min(limit, total(root))
}

// total returns the memory of the machine.
func total(root fs.FS) int64 {
	file, err := root.Open("proc/meminfo")
	if err != nil {
		return math.MaxInt64
	}
	defer func() { _ = file.Close() }() // it is read
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "MemTotal:" && fields[2] == "kB" {
			if kilobytes := positive(fields[1]); kilobytes < math.MaxInt64>>10 {
				return kilobytes << 10
			}
		}
	}
	return math.MaxInt64
}

// positive returns the positive number in text, or [math.MaxInt64] if there is none.
func positive(text string) int64 {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number <= 0 {
		return math.MaxInt64
	}
	return number
}
