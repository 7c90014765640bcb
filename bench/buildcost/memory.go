package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// sampleInterval is short compared with the run time of a compiler that needs much memory.
const sampleInterval = 100 * time.Millisecond

// samplePeak samples the memory of a process and all its descendants until the returned function is
// called. That function returns the largest sum, or 0 on systems without /proc. Shared pages are
// counted once for each process.
func samplePeak(root int) (stop func() int64) {
	done, peak := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(sampleInterval)
		defer tick.Stop()
		var most int64
		for {
			most = max(most, treeRSS(processes(), root))
			select {
			case <-done:
				peak <- most
				return
			case <-tick.C:
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-peak
	}
}

// process is a line of /proc/<pid>/stat.
type process struct {
	pid, parent int
	rss         int64 // bytes
}

// processes returns all processes of the machine.
func processes() []process {
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	all := make([]process, 0, len(files))
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		if p, ok := parseProcess(line); ok {
			all = append(all, p)
		}
	}
	return all
}

// parseProcess reads a stat line: "7 (name) S 1 ...", see proc_pid_stat(5). A name may
// contain blanks and parentheses.
func parseProcess(line []byte) (process, bool) {
	const parent, rss = 4 - 3, 24 - 3 // fields, counted from the one after the name
	pid, _, _ := bytes.Cut(line, []byte(" "))
	fields := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:])
	if len(fields) <= rss {
		return process{}, false
	}
	var numbers [3]int
	for i, field := range [][]byte{pid, fields[parent], fields[rss]} {
		n, err := strconv.Atoi(string(field))
		if err != nil {
			return process{}, false
		}
		numbers[i] = n
	}
	return process{numbers[0], numbers[1], int64(numbers[2]) * int64(os.Getpagesize())}, true
}

// treeRSS returns the memory of a process and all its descendants.
func treeRSS(all []process, root int) int64 {
	children := make(map[int][]process, len(all))
	var sum int64
	for _, p := range all {
		children[p.parent] = append(children[p.parent], p)
		if p.pid == root {
			sum = p.rss
		}
	}
	for below := children[root]; len(below) > 0; below = below[1:] {
		sum += below[0].rss
		below = append(below, children[below[0].pid]...)
	}
	return sum
}
