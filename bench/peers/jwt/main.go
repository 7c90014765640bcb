// Jwt is a Fiber app whose API verifies access tokens without fibermsal, with gofiber/contrib/jwt and
// with lestrrat-go/jwx.
package main

import (
	"context"
	"log"
	"net/http"

	jwtware "github.com/gofiber/contrib/jwt"
	"github.com/lestrrat-go/jwx/jwk"

	"github.com/fibermsal/fibermsal/bench/peers"
	"github.com/fibermsal/fibermsal/bench/peers/fiberapp"
	"github.com/fibermsal/fibermsal/bench/peers/verifiers"
)

func main() {
	env := peers.FromEnv()
	client := env.Client()
	http.DefaultTransport = client.Transport // contrib/jwt takes no client
	api := verifiers.API{Issuer: env.Authority + "/v2.0", Audience: env.ClientID}
	keysURL := env.Authority + "/discovery/v2.0/keys"
	keys, err := jwk.Fetch(context.Background(), keysURL, jwk.WithHTTPClient(client))
	if err != nil {
		log.Fatal(err)
	}
	app := fiberapp.New(env)
	app.Get("/contrib", verifiers.ContribJWT(api, jwtware.Config{JWKSetURLs: []string{keysURL}})...)
	app.Get("/jwx", verifiers.JWX(api, func() jwk.Set { return keys }))
	fiberapp.Serve(env, app)
}
