package main

// leftOut are the test files of the root, by the beginning of their names, that are not run
// through net/http. All others are.
var leftOut = []struct{ prefix, reason string }{
	{"fiber_test", "Fiber itself: its router, error handler, Locals, hooks, shutdown"},
	{"fiber_harness", "the harness of this package takes its place"},
	{"example", "examples of Fiber apps"},
	{"sharedstorage", "Fiber's middlewares on the same storage"},
	{"doctor", "Doctor examines a Fiber app"},
	{"readme", "the documents of the repository"},
	{"layers", "the packages of the repository"},
	{"structure", "the packages of the repository"},
	{"threats", "the list of threats"},
}
