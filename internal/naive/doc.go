// Package naive contains, as a test, a web app that signs users in without fibermsal: with Fiber v2 and
// its session middleware, gofiber/storage/redis, and MSAL Go, used as their documentation shows.
// Nothing imports it. docs/scorecard.md compares the figures of its tests with those of fibermsal, in
// each row that applies to such an app.
package naive
