package graphapi

import (
	"cmp"
	"net/http"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
)

// noPhotoErrors are the errors about absent photos on record, which come from different services behind Graph.
// The one of guests is a 401 although the token is good.
var noPhotoErrors = map[int]failure{
	http.StatusBadRequest:     {code: "AuthenticationError", message: "Error authenticating with resource"},
	http.StatusUnauthorized:   {code: "UnknownError"},
	http.StatusForbidden:      {code: "ErrorAccessDenied", message: "Access is denied. Check credentials and try again."},
	http.StatusNotFound:       {code: "ImageNotFound", message: "Exception of type 'Microsoft.Fast.Profile.Core.Exception.ImageNotFoundException' was thrown."},
	http.StatusNotImplemented: {code: "NotImplemented", message: "The photo service is not available for this user."},
}

// noPhoto is the error about the photo of an account that has none.
func noPhoto(about *directory.Account) *failure {
	status := http.StatusNotFound
	switch {
	case about.PhotoStatus == 0 && about.Tenant.ID == directory.Consumers:
		return &failure{status: status, code: "ConsumerPhotoIsNotSupported", message: "Photos of personal accounts are not supported."}
	case about.IsGuest():
		status = http.StatusUnauthorized
	}
	status = cmp.Or(about.PhotoStatus, status)
	f, recorded := noPhotoErrors[status]
	if !recorded {
		f = failure{code: "UnknownError"}
	}
	f.status = status
	return &f
}
