package main

import (
	"html"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

const head = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Minimal</title>
<main>
<h1>Minimal</h1>
`

// home handles GET /, which needs no sign-in and is the page after a sign-out. Signing out uses a form,
// because any website could contain a link that signs users out.
func home(c *fiber.Ctx) error {
	body := `<p><a href="/user/login?to=/">Sign in with Microsoft</a></p>`
	if user, ok := fibermsal.FromContext(c); ok {
		body = `<p>You are signed in as ` + html.EscapeString(user.Name) + `.</p>
<p><a href="/hello">A call to Microsoft Graph</a></p>
<form method="post" action="/user/logout"><button>Sign out</button></form>`
	}
	c.Type("html", "utf-8")
	return c.SendString(head + body + "\n</main>\n</html>\n")
}
