package graph

import (
	"net/url"
	"reflect"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoftgraph/msgraph-sdk-go-core/fileuploader"
)

// asUpload reports whether a request is one of the SDK's LargeFileUploadTask for an upload session.
// Its URL authenticates itself and is not Graph's; the token must not be sent with it. Requests of
// any other form to another host are refused (threat C8). The URL is used as it is: as the template
// that the SDK takes it for, it could be changed.
func asUpload(info *abstractions.RequestInformation, constructor serialization.ParsableFactory) bool {
	if info == nil || info.Headers == nil || !hasOwnURL(info) {
		return false
	}
	switch info.Method {
	case abstractions.PUT: // a part of the file
		if len(info.Headers.Get("Content-Range")) == 0 {
			return false
		}
	case abstractions.GET: // which parts are missing
		if !isStatusOfUpload(constructor) {
			return false
		}
	case abstractions.DELETE: // cancelled
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

// hasOwnURL reports whether a request has a URL in place of a template. Those of builders begin with
// a variable, and WithUrl leaves that and sets a parameter.
func hasOwnURL(info *abstractions.RequestInformation) bool {
	const scheme = "https://"
	return len(info.UrlTemplate) > len(scheme) && strings.EqualFold(info.UrlTemplate[:len(scheme)], scheme) && info.PathParameters["request-raw-url"] == ""
}

// isStatusOfUpload reports whether a constructor is the one of the status of an upload session,
// which only LargeFileUploadTask uses.
func isStatusOfUpload(constructor serialization.ParsableFactory) bool {
	return constructor != nil && reflect.ValueOf(constructor).Pointer() == reflect.ValueOf(fileuploader.CreateUploadSessionDiscriminator).Pointer()
}

// owns reports whether a request is for Graph, by its URL.
func (o origin) owns(info *abstractions.RequestInformation) bool {
	u, err := info.GetUri()
	return err == nil && originOf(u) == o && info.Method != abstractions.PUT
}
