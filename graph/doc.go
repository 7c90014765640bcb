// Package graph calls Microsoft Graph as the signed-in user, with the typed
// request builders of msgraph-sdk-go:
//
//	app.Get("/hello", fibermsal.Require(), func(c *fiber.Ctx) error {
//		me, err := graph.Me(c).Get(c.UserContext(), nil)
//		if err != nil {
//			return err
//		}
//		return c.SendString("Hello " + *me.GetDisplayName())
//	})
//
// [Me] is what client.Me() of the SDK returns; [Manager] and [Photo] know what
// "none" looks like; [RegisterRoutes] serves both to the app's pages; [Profile]
// completes a user at sign-in. [Adapter] is for the whole SDK, in one line:
//
//	client := msgraphsdk.NewGraphServiceClient(graph.Adapter(c))
//
// It is not in this package because that import costs six to eight CPU minutes
// of compilation, twice as much as this package does; examples/graph-client shows it. [For] and
// [AdapterFor] are for workers, which have a credential and no request.
//
// # Calls
//
// Every call goes through one adapter that keeps promises Kiota does not:
//
//   - It acts for the session of the request it was made from, and for nobody
//     else, whatever context or request object a handler hands it.
//   - It talks to the scheme, host and port of Config.GraphURL only, and follows
//     no redirect. Anything else is an error and nothing is sent.
//   - It ends: after the deadline of the context, or after 15 seconds if that
//     has none. A GET or HEAD that Graph is too busy for is tried up to three
//     times, with no more than 3 seconds of waiting; nothing else is repeated.
//   - No answer is read beyond 8 MB, nor a photo beyond 4 MB.
//   - It does not panic, and its errors can be printed.
//
// # Errors
//
// Every error is a [*fibermsal.Error], so a handler returns it as it is and the
// middleware answers. What the user's credential says comes through unchanged,
// such as [fibermsal.ErrLoginRequired]. For the rest, Status is what Graph
// answered, Reason is Graph's own code such as Request_ResourceNotFound, and
// errors.Is knows the kinds:
//
//	fibermsal.ErrLoginRequired  401: Graph does not accept the token
//	fibermsal.ErrUnavailable    429, 503 and 504, no answer, or none in time
//	graph.ErrForbidden          403
//	graph.ErrNotFound           404
//	graph.ErrRefused            other 4xx
//	graph.ErrFailed             other 5xx
//	graph.ErrBadAnswer          an answer that is none of Graph's, or too big
//	graph.ErrForeignURL         the URL was not Graph's; nothing was sent
//
// errors.As finds the SDK's *odataerrors.ODataError where Graph sent one. Its
// Error method, which panics in the SDK if Graph gave no message, is safe then.
//
// # Concurrency
//
// Functions and adapters are safe for concurrent use. A request builder is not,
// as always with this SDK: take a new one from [Me] for each call, it costs
// microseconds. Connections are kept alive and shared by all users of an Auth.
package graph
