package fibermsal

import (
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/web"
)

// middleware creates the request's exchange, runs the next handlers and handles their error.
func (a *Auth) middleware(c *fiber.Ctx) error {
	if entra.Skips(a.Service, c) {
		defer closeUnread(c)
		if outer := visitOf(c); entra.Hides(a.Service, outer) {
			defer restoreVisit(c, outer)
			setVisit(c, nil)
		}
		return c.Next()
	}
	return a.serve(c, (*fiber.Ctx).Next)
}

func (a *Auth) serve(c *fiber.Ctx, next fiber.Handler) error {
	outer := exchangeOf(c)
	if outer != nil && outer.auth == a {
		return next(c)
	}
	if outer != nil {
		defer restoreVisit(c, &outer.visit)
	}
	defer closeUnread(c)
	e := &exchange{auth: a, c: c}
	e.visit = entra.NewVisit(a.Service, e)
	setVisit(c, &e.visit)
	if published := e.visit.Metadata(); published != nil {
		return write(c, published)
	}
	err := next(c)
	if isAbandoned(c) { // its handler is still running, so neither its user nor its response may change
		return err
	}
	return a.finish(e, err)
}

// restoreVisit restores the visit of the Auth around this one, even if a handler has panicked. It does
// not change an abandoned request, because its handler is still running and must keep its user.
func restoreVisit(c *fiber.Ctx, outer *web.Visit) {
	if !isAbandoned(c) {
		setVisit(c, outer)
	}
}

// finish answers an error of the library and passes other errors on.
func (a *Auth) finish(e *exchange, err error) error {
	status := e.c.Response().StatusCode()
	if err != nil {
		status = statusOf(err, status)
	}
	response, err := e.visit.Finish(err, status)
	if response == nil {
		return err
	}
	startOver(e.c)
	return write(e.c, response)
}

// statusOf returns the status of the response to an error: the error's own, if it has one, or else
// status.
func statusOf(err error, status int) int {
	var e *fiber.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return status
}

// startOver discards what the handler wrote before it failed.
func startOver(c *fiber.Ctx) {
	c.Response().ResetBody()
	for _, name := range []string{fiber.HeaderContentEncoding, fiber.HeaderContentDisposition, fiber.HeaderContentRange, fiber.HeaderETag} {
		c.Response().Header.Del(name)
	}
}

// write writes a response. Fiber's Redirect would not remove line breaks from a header (trap
// T1), so it is not used.
func write(c *fiber.Ctx, r *web.Response) error {
	writeHead(c, r)
	if r.Status != 0 {
		c.Status(r.Status)
	}
	switch {
	case r.ByApp != nil:
		return r.ByApp(c)
	case r.Status == http.StatusNotModified:
		return nil
	case len(r.Body) == 0:
		return c.SendStatus(r.Status)
	}
	return c.Send(r.Body)
}

// closeUnread closes the connection after a request whose body is streamed, unless a handler has read
// it with c.Body. Otherwise fasthttp would parse the unread part of the body as the next request, which
// would let the sender of the body forge a request (request smuggling, threats A12 and C4). It is not
// possible to tell whether a handler has read the stream to its end.
func closeUnread(c *fiber.Ctx) {
	if !isAbandoned(c) && c.Request().IsBodyStream() {
		c.Response().SetConnectionClose()
	}
}

// writeHead writes the header and the cookies of a response.
func writeHead(c *fiber.Ctx, r *web.Response) {
	setHeader(c, r.Header)
	for _, cookie := range r.Cookies {
		setCookie(c, cookie)
	}
}

func setHeader(c *fiber.Ctx, header http.Header) {
	for name, values := range header {
		if len(values) == 0 {
			c.Response().Header.Del(name)
		}
		for _, value := range values {
			if name == fiber.HeaderVary {
				c.Vary(value)
				continue
			}
			c.Set(name, value)
		}
	}
}
