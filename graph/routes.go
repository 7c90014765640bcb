package graph

import (
	"encoding/json"
	"net/http"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/fibermsal/fibermsal/entra"
)

// Routes returns two routes for RegisterRoutes of the package for Fiber v2 or v3:
//
//	fibermsal.RegisterRoutes(app, graph.Routes())
//
//	GET /user/manager  the manager of the signed-in user, as JSON with Graph's names: id,
//	                   displayName, mail, userPrincipalName, jobTitle, department,
//	                   officeLocation, mobilePhone, businessPhones; unset properties are null.
//	                   If the user has no manager, the response is 404 with a problem document
//	                   (RFC 9457) whose code is "no_manager".
//	GET /user/photo    the photo of the signed-in user, as image/jpeg, png, gif or webp; if the
//	                   user has no photo, or it cannot be loaded, a picture of the initials, as
//	                   image/svg+xml. It has an ETag, and the browser may cache it for an hour.
//	                   ?size=96 is the photo with at least 96 pixels, see [PhotoOfSize].
//
// Both also answer HEAD. A request cannot choose whose manager or photo is returned. If no user is
// signed in, the error is [entra.ErrLoginRequired]. The middleware answers it, and the errors of
// [Manager] and [Photo].
func Routes() entra.Routes {
	return entra.Routes{
		{Path: "/manager", Serve: serveManager},
		{Path: "/photo", Serve: servePhoto},
	}
}

// managerJSON lists the properties explicitly, so that properties that the SDK adds later are not
// published.
type managerJSON struct {
	ID                *string  `json:"id"`
	DisplayName       *string  `json:"displayName"`
	Mail              *string  `json:"mail"`
	UserPrincipalName *string  `json:"userPrincipalName"`
	JobTitle          *string  `json:"jobTitle"`
	Department        *string  `json:"department"`
	OfficeLocation    *string  `json:"officeLocation"`
	MobilePhone       *string  `json:"mobilePhone"`
	BusinessPhones    []string `json:"businessPhones"`
}

// managerProperties are the properties of managerJSON.
var managerProperties = []string{
	"id", "displayName", "mail", "userPrincipalName", "jobTitle",
	"department", "officeLocation", "mobilePhone", "businessPhones",
}

func newManagerJSON(u models.Userable) managerJSON {
	return managerJSON{
		ID: u.GetId(), DisplayName: u.GetDisplayName(), Mail: u.GetMail(),
		UserPrincipalName: u.GetUserPrincipalName(), JobTitle: u.GetJobTitle(), Department: u.GetDepartment(),
		OfficeLocation: u.GetOfficeLocation(), MobilePhone: u.GetMobilePhone(), BusinessPhones: u.GetBusinessPhones(),
	}
}

// serveManager serves GET /user/manager. If the user has no manager, the response has Graph's status,
// and no error is logged.
func serveManager(c entra.Locals, _ func(string) string) (*entra.Reply, error) {
	manager, err := managerOf(entra.RequestContext(c), Adapter(c), managerProperties...)
	switch {
	case err != nil:
		return nil, err
	case manager == nil:
		return jsonReply(http.StatusNotFound, "application/problem+json", map[string]any{
			"type": "about:blank", "title": "You have no manager.", "status": http.StatusNotFound, "code": "no_manager",
		})
	}
	return jsonReply(http.StatusOK, "application/json", newManagerJSON(manager))
}

func jsonReply(status int, mediaType string, content any) (*entra.Reply, error) {
	body, err := json.Marshal(content)
	if err != nil {
		return nil, errBadAnswer.New("unreadable", err)
	}
	header := http.Header{}
	header.Set("Cache-Control", "no-store, private")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Type", mediaType)
	header.Set("Vary", "Cookie")
	return &entra.Reply{Status: status, Header: header, Body: body}, nil
}
