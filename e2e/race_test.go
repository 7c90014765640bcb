//go:build race

package e2e

// raceEnabled reports whether this test binary has the race detector. The programs that it builds have
// it, too.
const raceEnabled = true
