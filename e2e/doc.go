// Package e2e holds tests of the whole: the programs as processes, a real
// redis-server, and a real browser that meets the app and the emulator on two
// different sites. It is a module of its own so that the browser driver stays out
// of the library's dependencies.
//
//	cd e2e && go test ./...
//
// Tests whose programs are not installed are skipped, unless FIBERMSAL_TEST_ALL is
// set. FIBERMSAL_E2E_SCREENSHOTS names a directory for pictures of the pages on the
// way. With -race, or with FIBERMSAL_E2E_RACE set, the programs under test are built
// with the race detector.
package e2e
