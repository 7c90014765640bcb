package entratest

// IDToken is an ID token before it is signed, for [Server.TamperIDToken].
type IDToken struct {
	JWT

	// Grant is the grant_type of the token call: "authorization_code" or "refresh_token".
	Grant string
	// User is the user of the token.
	User User
	// Omit leaves id_token out of the response.
	Omit bool
}

// encode returns the token as it is sent; empty if it is left out.
func (t *IDToken) encode() string {
	if t.Omit {
		return ""
	}
	return t.JWT.encode()
}

// AccessToken is an access token for an API before it is signed, for [Server.TamperAccessToken].
type AccessToken struct {
	JWT

	// API is the application ID URI of the API.
	API string
	// User is the user of the token. If it has no ID, the token is the application's own.
	User User
}
