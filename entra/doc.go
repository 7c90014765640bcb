// Package entra is the part of fibermsal that does not depend on a web framework: sessions, tokens,
// checks, users for background jobs, administration and diagnosis. Apps use it through the package for
// their framework, called a face: package fibermsal for Fiber v2 and package fibermsal/v3 for Fiber v3.
// Programs that serve no requests, such as jobs and tools, can use [Open] and [Service] directly:
//
//	service, err := entra.Open(entra.Config[struct{}]{…}, entra.Process{})
//
// [VisitKey], [NewVisit], [Hides], [Skips], [IsForAnother] and [MountedRoutes] are for faces and use
// types of internal packages.
package entra
