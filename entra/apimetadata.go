package entra

// APIMetadata is the metadata that an app publishes about its API (RFC 9728). With it, clients that
// know only the address of the API, such as Model Context Protocol clients, find Entra and the scopes
// to request.
type APIMetadata struct {
	// Scopes are the scopes that clients may request, such as access_as_user. At least one is required,
	// because Entra does not issue tokens without a scope.
	Scopes []string
	// Name is shown to users.
	Name string
	// Documentation is the address of a page for developers.
	Documentation string
}
