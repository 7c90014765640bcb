package fibermsal_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/extractors"
	"github.com/gofiber/fiber/v3/middleware/session"

	"github.com/fibermsal/fibermsal/v3"
)

// Sessions of Fiber's middleware and of this package share a storage.
func ExampleRedisStorage() {
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	keys := [][]byte{[]byte("0123456789abcdef0123456789abcdef")}
	// readme:start
	storage, err := fibermsal.RedisStorage("redis://localhost:6379/0") // or any fiber.Storage
	if err != nil {
		log.Fatal(err)
	}
	app.Use(session.New(session.Config{Storage: storage, Extractor: extractors.FromCookie("session_v3")}))
	app.Use(fibermsal.New(fibermsal.Config{
		ClientID: "…", ClientSecret: "…", TenantID: "…", PublicURL: "https://app.example.com",
		Storage: storage, Keys: keys,
	}))
	// readme:end
	defer func() { _ = storage.Close() }()
	app.Get("/", func(c fiber.Ctx) error { return c.SendString("Hello") })
	resp, err := app.Test(httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	fmt.Println(resp, err)
}
