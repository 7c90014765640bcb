// Package peers contains the common parts of the measured servers, such as the addresses on which they
// listen and the certificate that they trust. Each server has a subdirectory, and is written according
// to its own documentation.
package peers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

// Env contains the settings of a server.
type Env struct {
	Port, PublicURL, RedisURL     string
	ClientID, ClientSecret        string
	Authority, TenantID, GraphURL string
	CAFile                        string
	Key                           []byte // to seal sessions with
	Profile                       bool   // serve /debug/pprof
	HTTP2                         bool   // to Entra and Graph
}

// FromEnv reads the environment. All variables except BENCH_PROFILE and BENCH_HTTP2 are required.
func FromEnv() Env {
	must := func(name string) string {
		value := os.Getenv(name)
		if value == "" {
			log.Fatalf("%s is not set; bench/load sets it", name)
		}
		return value
	}
	key, err := base64.StdEncoding.DecodeString(must("KEY"))
	if err != nil {
		log.Fatal("KEY is not base64")
	}
	return Env{
		Key: key, Port: must("PORT"), PublicURL: must("PUBLIC_URL"), RedisURL: must("REDIS_URL"),
		ClientID: must("CLIENT_ID"), ClientSecret: must("CLIENT_SECRET"),
		Authority: must("AUTHORITY"), TenantID: must("TENANT_ID"), GraphURL: must("GRAPH_URL"),
		CAFile: must("CA_FILE"), Profile: os.Getenv("BENCH_PROFILE") != "", HTTP2: os.Getenv("BENCH_HTTP2") != "",
	}
}

// Client returns a client for the emulator that keeps one connection for each concurrent user, or a
// single one with HTTP/2.
func (e Env) Client() *http.Client {
	pem, err := os.ReadFile(e.CAFile)
	if err != nil {
		log.Fatal(err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(pem) {
		log.Fatalf("%s: no certificate", e.CAFile)
	}
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 256, MaxIdleConns: 256, IdleConnTimeout: time.Minute,
		ForceAttemptHTTP2: e.HTTP2, // with a TLSClientConfig, net/http speaks HTTP/1.1 otherwise
	}}
}

// Me requests the user of a token from Graph, over plain HTTP.
func (e Env) Me(ctx context.Context, client *http.Client, token string) (id string, status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, e.GraphURL+"/me", http.NoBody)
	if err != nil {
		return "", 0, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(r)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return "", resp.StatusCode, err
	}
	var me struct {
		ID string `json:"id"`
	}
	return me.ID, resp.StatusCode, errors.Join(json.Unmarshal(body, &me), nonEmpty(me.ID))
}

func nonEmpty(id string) error {
	if id == "" {
		return errors.New("the response of Graph contains no user")
	}
	return nil
}
