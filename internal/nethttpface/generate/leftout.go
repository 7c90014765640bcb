package main

// leftOut lists the test files of the root that are not run with net/http, by the beginning of their
// names. All other test files are.
var leftOut = []struct{ prefix, reason string }{
	{"fiber_test", "Fiber itself: its router, error handler, Locals, hooks and shutdown"},
	{"fiber_cookies", "Fiber's middlewares that change cookies"},
	{"fiber_hosts", "registering the same routes twice on Fiber's router"},
	{"fiber_signinto", "Fiber's app.Test; entratest has the test for net/http"},
	{"fiber_tokens", "headers of the request that a Fiber handler replaces"},
	{"fiber_harness", "nethttp_harness_test.go takes its place"},
	{"new_test", "New, which a face for a framework of handlers offers"},
	{"example", "examples of Fiber apps"},
	{"doctor", "Doctor examines a Fiber app"},
	{"caches", "Fiber's cache middleware"},
	{"smuggling", "bodies that Fiber streams"},
	{"sharedstorage", "Fiber's middlewares on the same storage"},

	{"layers", "the packages of the repository"},
	{"readme", "the documents of the repository"},
	{"structure", "the packages of the repository"},
	{"threats", "the list of threats"},

	{"redis_deadconnections", below},
	{"redis_full", below},
	{"redis_halfbroken", below},
	{"redis_killed", below},
	{"redis_lostreplies", below},
	{"redis_stalled", below},
	{"redis_swappedreplies", below},
}

const below = "below the face: faults of Redis and of the way to it"
