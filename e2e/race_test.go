//go:build race

package e2e

// raceEnabled tells that this test binary looks for data races. The programs it
// builds then do so, too.
const raceEnabled = true
