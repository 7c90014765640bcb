package entratest

// IDToken is an ID token before its signature, which [Server.TamperIDToken] may change.
type IDToken struct {
	JWT

	// Grant is the grant_type of the token call: "authorization_code" or "refresh_token".
	Grant string
	// User is the user the token is about.
	User User
	// Omit leaves id_token out of the answer.
	Omit bool
}

// encode returns the token as it is sent; empty if it is left out.
func (t *IDToken) encode() string {
	if t.Omit {
		return ""
	}
	return t.JWT.encode()
}

// AccessToken is an access token for an API before its signature, which [Server.TamperAccessToken] may change.
type AccessToken struct {
	JWT

	// API is the application ID URI of the API.
	API string
	// User is the user the token is about; without an ID, the token is the application's own.
	User User
}
