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
// [Me] returns what client.Me() of the SDK returns. [Manager] and [Photo] return nil if the user has
// none, and [Routes] serves both to the app's pages. [Profile] completes a user at sign-in. With
// [Adapter] the whole SDK is available in one line:
//
//	client := msgraphsdk.NewGraphServiceClient(graph.Adapter(c))
//
// This package does not do that itself, because the import takes six to eight CPU minutes to compile,
// twice as long as this package; examples/graph-client shows it. [MeFor] and [AdapterFor] are for
// workers, which have a credential but no request.
//
// The package imports no web framework and works with Fiber v2 and v3. c is the context of either
// version; only the method of [entra.Locals] is used.
//
// [Call] is for paths for which the SDK has no builder, and [StreamTo] for content of any size.
// docs/graph.md describes what users of the SDK can rely on.
//
// # Calls
//
// Every call goes through one adapter that guarantees what Kiota does not:
//
//   - It acts only for the session of the request for which the adapter was created, whatever context
//     or request object a handler passes.
//   - It sends the token to the scheme, host and port of Config.GraphURL only. Without a token, it
//     follows one redirect of a download and sends the parts of a LargeFileUploadTask, to public
//     https hosts. For anything else it returns an error and sends nothing.
//   - It ends at the deadline of the context, or after 15 seconds if the context has none.
//   - It retries a call, including its body: once with a new token after a 401; after a 429, whatever
//     the method; and after a 503 or 504 if the method is safe. It waits for as long as Graph requests,
//     within the deadline, or up to 3 seconds in total if there is none.
//   - It reads at most 8 MB of a response, and 4 MB of a photo. [StreamTo] has a limit of its own.
//   - It does not panic, and its errors can be printed safely. If an object is expected, an empty
//     response is an error.
//
// # Errors
//
// Every error is an [*entra.Error], which a handler returns unchanged and the middleware answers.
// Errors of the user's credential, such as [entra.ErrLoginRequired], are returned unchanged. For other
// errors, Status is the status of Graph's response, Reason is Graph's own code, such as
// Request_ResourceNotFound, and errors.Is compares with these errors (package fibermsal exports those
// of package entra, too):
//
//	entra.ErrLoginRequired  401: Graph does not accept the token
//	entra.ErrUnavailable    429, 503 and 504, no response, or none in time
//	graph.ErrAccessDenied   403
//	graph.ErrNotFound       404
//	graph.ErrRefused        other 4xx
//	graph.ErrFailed         other 5xx
//	graph.ErrBadAnswer      a response that cannot be used, or is too large
//	graph.ErrForeignURL     the URL was not Graph's; nothing was sent
//
// If Graph sent an error in its own format, errors.As finds the SDK's *odataerrors.ODataError. Its
// Error method is then safe to call, although the SDK's own panics if Graph sent no message. All of
// this also applies to a PageIterator and to the parts of a batch. The log record of an error contains
// Graph's request-id, client-request-id and x-ms-ags-diagnostic.
//
// # Concurrency
//
// Functions and adapters are safe for concurrent use. The SDK's request builders are not; get a new one
// from [Me] for each call, which takes microseconds. Connections are kept alive and shared by all users
// of an app.
package graph
