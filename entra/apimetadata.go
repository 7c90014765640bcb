package entra

// APIMetadata is what an app publishes about its API, by which clients that only know its address, such
// as those of the Model Context Protocol, find Entra and the scopes to request (RFC 9728).
type APIMetadata struct {
	// Scopes are those that clients may request, such as access_as_user. Entra needs at least one.
	Scopes []string
	// Name is shown to users.
	Name string
	// Documentation is the address of a page for developers.
	Documentation string
}
