// Floor shows the minimum cost: Fiber with its own session middleware on storage/redis and net/http,
// without a sign-in, and a handler that sends only one GET to Redis. A system with sessions in Redis
// cannot be much cheaper.
package main

import (
	"cmp"
	"context"
	"errors"
	"log"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"
	"github.com/gofiber/storage/redis/v3"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	azure "github.com/microsoft/kiota-authentication-azure-go"
	khttp "github.com/microsoft/kiota-http-go"
	kjson "github.com/microsoft/kiota-serialization-json-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
	goredis "github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/bench/peers"
	"github.com/fibermsal/fibermsal/bench/peers/fiberapp"
)

func main() {
	env := peers.FromEnv()
	client := env.Client()
	storage := redis.NewFromConnection(connect(env.RedisURL))
	store := session.New(session.Config{Storage: storage, CookieHTTPOnly: true})

	app := fiberapp.New(env)
	// Instead of a sign-in, the load generator passes the user and the size of other systems' records.
	app.Post("/seed", func(c *fiber.Ctx) error {
		s, err := store.Get(c)
		if err != nil {
			return err
		}
		size, err := strconv.Atoi(c.FormValue("size"))
		if err != nil {
			return fiber.ErrBadRequest
		}
		id := strings.Clone(c.FormValue("id"))
		s.Set("user", id)
		s.Set("token", strings.Clone(c.FormValue("token")))
		value := id + strings.Repeat(".", max(0, size-len(id)))
		return errors.Join(storage.Set("bare:"+s.ID(), []byte(value), time.Hour), s.Save())
	})
	app.Get("/get", func(c *fiber.Ctx) error {
		value, err := storage.Conn().Get(c.UserContext(), "bare:"+c.Cookies("session_id")).Result()
		switch {
		case errors.Is(err, goredis.Nil):
			return fiber.ErrUnauthorized
		case err != nil:
			return fiber.ErrServiceUnavailable
		}
		return c.SendString(value[:36]) // the length of an object id
	})
	text := func(c *fiber.Ctx, name string) (string, error) {
		s, err := store.Get(c)
		if err != nil {
			return "", err
		}
		value, ok := s.Get(name).(string)
		if !ok {
			return "", fiber.ErrUnauthorized
		}
		return value, nil
	}
	app.Get("/session", func(c *fiber.Ctx) error {
		id, err := text(c, "user")
		return fiberapp.Answer(c, id, http.StatusOK, err)
	})
	app.Get("/graph", func(c *fiber.Ctx) error {
		token, err := text(c, "token")
		if err != nil {
			return err
		}
		id, status, err := env.Me(c.UserContext(), client, token)
		return fiberapp.Answer(c, id, status, err)
	})
	sdk := newSDK(env, client)
	app.Get("/typed", func(c *fiber.Ctx) error {
		token, err := text(c, "token")
		if err != nil {
			return err
		}
		builder, err := sdk.me(token)
		if err != nil {
			return err
		}
		me, err := builder.Get(c.UserContext(), nil)
		if err != nil {
			return err
		}
		return c.SendString(*me.GetId())
	})
	fiberapp.Serve(env, app)
}

// connect uses the defaults of go-redis, so that no request is refused because it waits too long. Only
// the size of the pool is set, if the URL does not contain it.
func connect(address string) *goredis.Client {
	o, err := goredis.ParseURL(address)
	if err != nil {
		log.Fatal("REDIS_URL is not a URL of the form redis://host:port/0")
	}
	o.PoolSize = cmp.Or(o.PoolSize, 100)
	o.ContextTimeoutEnabled = true
	return goredis.NewClient(o)
}

// sdk returns Microsoft's typed client, created as documented for an app's own credential, with one
// HTTP client for all users.
type sdk struct {
	client *http.Client
	root   string
}

func newSDK(env peers.Env, client *http.Client) sdk {
	abstractions.RegisterDefaultDeserializer(func() serialization.ParseNodeFactory { return kjson.NewJsonParseNodeFactory() })
	handlers := core.GetDefaultMiddlewaresWithOptions(&core.GraphClientOptions{})
	return sdk{
		client: &http.Client{Transport: khttp.NewCustomTransportWithParentTransport(client.Transport, handlers...)},
		root:   env.GraphURL,
	}
}

// fixedToken is a credential that always returns the same token.
type fixedToken string

// GetToken implements azcore.TokenCredential.
func (k fixedToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(k), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func (s sdk) me(token string) (*users.UserItemRequestBuilder, error) {
	host := strings.TrimPrefix(s.root, "https://")
	host, _, _ = strings.Cut(host, ":") // Kiota compares names without ports
	provider, err := azure.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(fixedToken(token), nil, []string{host})
	if err != nil {
		return nil, err
	}
	adapter, err := core.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		provider, core.GraphClientOptions{}, nil, nil, s.client)
	if err != nil {
		return nil, err
	}
	adapter.SetBaseUrl(s.root)
	return users.NewUserItemRequestBuilderInternal(map[string]string{"user%2Did": "me-token-to-replace"}, adapter), nil
}
