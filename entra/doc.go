// Package entra is fibermsal without a web framework: sessions, tokens, checks, users for jobs,
// administration and diagnosis. Apps use it through a face for their framework, package fibermsal
// for Fiber v2 and package fibermsal/v3 for Fiber v3. Programs without requests, such as jobs and
// tools, can use [Open] and [Service] directly:
//
//	service, err := entra.Open(entra.Config[struct{}]{…}, entra.Process{})
//
// [Service.Visit] and [Service.Site] are for faces and take types of internal packages.
package entra
