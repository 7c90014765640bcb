package entra

// Process describes the process in which a Service is opened. The zero value is the only process
// of an instance of the app.
type Process struct {
	// SharesNoMemory is set if other processes on this machine serve the same app, as with
	// Fiber's Prefork. Sessions in memory would exist in one of them only, so
	// Config.Storage is then required.
	SharesNoMemory bool
}
