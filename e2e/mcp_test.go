package e2e

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// The official client of the Model Context Protocol signs in at Entra although it only knows the address of
// the API, by the API's metadata (RFC 9728); mcp/client.mjs says what it checks.
func TestMCP_TheOfficialClientFindsEntra(t *testing.T) {
	t.Parallel()
	node := redistest.Node(t, "mcp")
	const redirectURI = "https://app.example/callback"
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	origin := "http://localhost:" + portOf(socket)
	server := origin + "/mcp" // which is the API's App ID URI, too
	idp := entratest.New(entratest.WithAutoSignIn(), entratest.WithRedirectURI(redirectURI),
		entratest.WithAPI(entratest.API{URI: server, Scopes: []string{"access_as_user"}}))
	if err := idp.Listen(entratest.ListenConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, idp.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	serveMCP(t, socket, fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority, GraphURL: idp.GraphURL,
		HTTPClient: idp.HTTPClient, PublicURL: origin, Audiences: []string{server},
		APIMetadata: &fibermsal.APIMetadata{Scopes: []string{"access_as_user"}, Name: "whoami"},
	})

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "client.mjs")
	cmd.Dir = "mcp"
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "NODE_EXTRA_CA_CERTS=" + ca, "SERVER=" + server, "AUTHORITY=" + idp.Authority,
		"CLIENT_ID=" + idp.ClientID, "CLIENT_SECRET=" + idp.ClientSecret, "REDIRECT_URI=" + redirectURI, "USER=AdeleV@contoso.com",
	}
	cmd.WaitDelay = time.Second
	redistest.DieWithTest(cmd)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, check := range []string{"discovery", "sign-in", "call"} {
		if !strings.Contains(string(out), "ok "+check+"\n") {
			t.Errorf("%s was not checked:\n%s", check, out)
		}
	}
}

func portOf(socket net.Listener) string {
	_, port, _ := net.SplitHostPort(socket.Addr().String())
	return port
}

// serveMCP serves an MCP server with one tool, which names the user.
func serveMCP(t *testing.T, socket net.Listener, cfg fibermsal.Config) {
	t.Helper()
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10, DisableStartupMessage: true})
	app.Use(fibermsal.New(cfg))
	app.Post("/mcp", fibermsal.RequireToken(fibermsal.HasScope("access_as_user")), func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		var call struct {
			ID     any    `json:"id"`
			Method string `json:"method"`
			Params struct {
				Version string `json:"protocolVersion"`
			} `json:"params"`
		}
		if err := c.BodyParser(&call); err != nil {
			return err
		}
		result := fiber.Map{"content": []fiber.Map{{"type": "text", "text": user.Username}}}
		switch {
		case call.ID == nil: // a notification
			return c.SendStatus(fiber.StatusAccepted)
		case call.Method == "initialize":
			result = fiber.Map{
				"protocolVersion": call.Params.Version, "capabilities": fiber.Map{"tools": fiber.Map{}},
				"serverInfo": fiber.Map{"name": "whoami", "version": "1.0.0"},
			}
		}
		return c.JSON(fiber.Map{"jsonrpc": "2.0", "id": call.ID, "result": result})
	})
	go func() { _ = app.Listener(socket) }()
	t.Cleanup(func() { _ = app.ShutdownWithTimeout(time.Second) })
}
