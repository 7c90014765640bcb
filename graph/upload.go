package graph

import (
	"net/url"
	"reflect"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoftgraph/msgraph-sdk-go-core/fileuploader"
)

// asUpload reports whether the SDK's LargeFileUploadTask makes a request for an upload session. Its URL
// is pre-authenticated and not Graph's, so the token must not be sent. All other requests to another
// host are refused (threat C8). asUpload sets the URL explicitly, because the SDK uses it as a
// template, whose expansion could change it.
func asUpload(info *abstractions.RequestInformation, constructor serialization.ParsableFactory) bool {
	if info == nil || info.Headers == nil || !hasOwnURL(info) {
		return false
	}
	switch info.Method {
	case abstractions.PUT: // a part of the file
		if len(info.Headers.Get("Content-Range")) == 0 {
			return false
		}
	case abstractions.GET: // asks which parts are missing
		if !isStatusOfUpload(constructor) {
			return false
		}
	case abstractions.DELETE: // cancels the upload
	default:
		return false
	}
	u, err := url.Parse(info.UrlTemplate)
	if err != nil {
		return false
	}
	if info.PathParameters == nil {
		info.PathParameters = make(map[string]string) // Kiota writes to it
	}
	info.SetUri(*u)
	return true
}

// hasOwnURL reports whether a request has a URL instead of a template. The templates of builders begin
// with a variable, and WithUrl keeps the template and sets a parameter.
func hasOwnURL(info *abstractions.RequestInformation) bool {
	const scheme = "https://"
	return len(info.UrlTemplate) > len(scheme) && strings.EqualFold(info.UrlTemplate[:len(scheme)], scheme) && info.PathParameters["request-raw-url"] == ""
}

// isStatusOfUpload reports whether a constructor is that of an upload session's status, which only
// LargeFileUploadTask uses.
func isStatusOfUpload(constructor serialization.ParsableFactory) bool {
	return constructor != nil && reflect.ValueOf(constructor).Pointer() == reflect.ValueOf(fileuploader.CreateUploadSessionDiscriminator).Pointer()
}

// owns reports whether the URL of a request is in Graph. It is false for a PUT.
func (o origin) owns(info *abstractions.RequestInformation) bool {
	u, err := info.GetUri()
	return err == nil && originOf(u) == o && info.Method != abstractions.PUT
}
