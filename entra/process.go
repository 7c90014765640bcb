package entra

// Process describes the process in which a Service is opened. The zero value means that it is the only
// process of this instance of the app.
type Process struct {
	// SharesNoMemory is set if several processes on this machine serve the same app, as with Fiber's
	// Prefork. Config.Storage is then required, because sessions in memory would exist in one process
	// only.
	SharesNoMemory bool
}
