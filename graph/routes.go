package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/fibermsal/fibermsal"
)

const defaultPrefix = "/user"

// RegisterRoutes mounts two routes under /user, or under the given prefix. The
// middleware of fibermsal must be in front of them.
//
//	GET /user/manager  the manager of the signed-in user, as JSON with Graph's
//	                   names: id, displayName, mail, userPrincipalName, jobTitle,
//	                   department, officeLocation, mobilePhone, businessPhones;
//	                   what is not set is null. For a user without a manager the
//	                   answer is 404 with a problem document (RFC 9457) whose code
//	                   is "no_manager".
//	GET /user/photo    the photo of the signed-in user, as image/jpeg, png, gif
//	                   or webp; for a user without one, a picture of the initials,
//	                   as image/svg+xml. With an ETag; the browser may keep it
//	                   for an hour.
//
// Both answer HEAD, too. Nothing in a request chooses whose manager or photo it
// is. Who is not signed in gets [fibermsal.ErrLoginRequired], for which the
// middleware answers; so it does for the errors of [Manager] and [Photo].
func RegisterRoutes(router fiber.Router, prefix ...string) {
	root := defaultPrefix
	if len(prefix) > 0 {
		root = strings.TrimRight(prefix[0], "/")
	}
	router.Get(root+"/manager", serveManager)
	router.Get(root+"/photo", servePhoto)
}

// person is what /user/manager tells: fields one by one, so that a property that
// the SDK learns some day does not get out by itself.
type person struct {
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

// managerProperties are those of person.
var managerProperties = []string{
	"id", "displayName", "mail", "userPrincipalName", "jobTitle",
	"department", "officeLocation", "mobilePhone", "businessPhones",
}

func personOf(u models.Userable) person {
	return person{
		ID: u.GetId(), DisplayName: u.GetDisplayName(), Mail: u.GetMail(),
		UserPrincipalName: u.GetUserPrincipalName(), JobTitle: u.GetJobTitle(), Department: u.GetDepartment(),
		OfficeLocation: u.GetOfficeLocation(), MobilePhone: u.GetMobilePhone(), BusinessPhones: u.GetBusinessPhones(),
	}
}

// serveManager handles GET /user/manager. Having no manager is no failure: it is
// answered here, with the status Graph gives it, and not logged as an error.
func serveManager(c *fiber.Ctx) error {
	manager, err := managerOf(c.UserContext(), Adapter(c), managerProperties...)
	if err != nil {
		return err
	}
	var answer any = fiber.Map{
		"type": "about:blank", "title": "You have no manager.", "status": http.StatusNotFound, "code": "no_manager",
	}
	kind := "application/problem+json"
	status := http.StatusNotFound
	if manager != nil {
		answer, kind, status = personOf(manager), fiber.MIMEApplicationJSON, http.StatusOK
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return badAnswer("unreadable", err)
	}
	c.Set(fiber.HeaderCacheControl, "no-store, private")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderContentType, kind)
	c.Vary(fiber.HeaderCookie)
	return c.Status(status).Send(body)
}

// servePhoto handles GET /user/photo (threat C9).
func servePhoto(c *fiber.Ctx) error {
	picture, err := Photo(c)
	if err != nil {
		return err
	}
	if picture != nil {
		return sendPicture(c, pictureType(picture), picture)
	}
	user, ok := fibermsal.FromContext(c)
	if !ok {
		return fibermsal.ErrLoginRequired
	}
	return sendPicture(c, "image/svg+xml", initialsPicture(user))
}

// sendPicture sends what may have come from anybody in a way that leaves a browser
// no choice but to draw it. None of Graph's headers come along: the ETag is made
// here, and Vary keeps the pictures of two users of one browser apart.
func sendPicture(c *fiber.Ctx, kind string, picture []byte) error {
	sum := sha256.Sum256(picture)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	c.Set(fiber.HeaderETag, tag)
	c.Set(fiber.HeaderCacheControl, "private, max-age=3600")
	c.Vary(fiber.HeaderCookie)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; sandbox")
	if matches(c.Get(fiber.HeaderIfNoneMatch), tag) {
		c.Status(http.StatusNotModified)
		return nil
	}
	c.Set(fiber.HeaderContentType, kind)
	return c.Send(picture)
}

// matches compares as If-None-Match does: weakly (RFC 9110 section 13.1.2).
func matches(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == tag || candidate == "*" {
			return true
		}
	}
	return false
}
