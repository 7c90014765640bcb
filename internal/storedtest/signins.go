package storedtest

import (
	"reflect"
	"time"
)

// SignInFile is sign-ins that a version has begun.
type SignInFile struct {
	Origin
	ClientID    string `json:"client_id"`
	Authority   string `json:"authority"`
	RedirectURI string `json:"redirect_uri"`
	Key         []byte `json:"key"`
	// Modes are the sign-ins by response mode.
	Modes map[string]*SignInMode `json:"response_modes"`
}

// SignInMode is the sign-ins in one response mode, in the order in which they began.
type SignInMode struct {
	// Records are the sessions that exist besides, in a storage that is not Redis.
	Records map[string][]byte `json:"records"`
	SignIns []SignIn          `json:"sign_ins"`
}

// SignIn is a sign-in in progress with its data. It is either at the URL of the app's
// login route, or, if that is empty, at the authorize URL.
type SignIn struct {
	Name         string            `json:"name"`
	At           time.Time         `json:"at"`
	LoginURL     string            `json:"login_url,omitempty"`
	AuthorizeURL string            `json:"authorize_url,omitempty"`
	Cookies      map[string]string `json:"cookies"`
	// Session is the ID of the session whose cookie the browser has.
	Session string `json:"session,omitempty"`

	// The other fields are values that the version has sealed.

	Path         string         `json:"path,omitempty"`
	Page         string         `json:"page,omitempty"`
	Replaces     string         `json:"replaces,omitempty"`
	Requirements map[string]any `json:"requirements,omitempty"`
	// Tried are pages by whether they have required too many sign-ins.
	Tried map[string]bool `json:"tried,omitempty"`
}

// Fields returns the fields of a struct by their names in Go, which its JSON tags do not affect,
// without those that are zero.
func Fields(of any) map[string]any {
	v := reflect.ValueOf(of)
	fields := make(map[string]any)
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			fields[v.Type().Field(i).Name] = v.Field(i).Interface()
		}
	}
	return fields
}
