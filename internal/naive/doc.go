// Package naive contains, as a test, a web app that signs users in without fibermsal: with Fiber v2
// and its session middleware, gofiber/storage/redis, and MSAL Go, used as their documentation
// shows. Nothing imports it. It is kept because docs/scorecard.md shows, for each row that such an
// app has as well, what its tests measure beside the same figure for fibermsal.
package naive
