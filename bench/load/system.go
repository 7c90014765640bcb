package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// system is a server under measurement. One that is not in the table below comes from a
// JSON file, with the names of the tags: either with the command that starts it, which is
// given the environment that package peers reads, or with the URL and the process of one
// that runs already and was told the emulator's -emulator and -client-secret.
type system struct {
	Name  string `json:"name"`
	About string `json:"about"`

	// Package is the directory of a Go program; Command is anything else, run in Dir.
	Package string   `json:"package,omitempty"`
	Command []string `json:"command,omitempty"`
	Dir     string   `json:"dir,omitempty"`
	URL     string   `json:"url,omitempty"`
	PID     int      `json:"pid,omitempty"`
	// Redis is the address of the Redis of a system that is already running. It is used to count
	// commands.
	Redis string `json:"redis,omitempty"`
	// Instances is how many processes serve from one Redis; none is one.
	Instances int `json:"instances,omitempty"`

	// Login starts a sign-in, and Callback receives Entra's response. A system without them has Seed,
	// which receives a token from the load generator.
	Login    string `json:"login,omitempty"`
	Callback string `json:"callback,omitempty"`
	Seed     string `json:"seed,omitempty"`

	// The paths of the measured pages, which are empty if the system does not have them.
	Session string `json:"session,omitempty"`
	Graph   string `json:"graph,omitempty"`
	Typed   string `json:"typed,omitempty"`
	Worker  string `json:"worker,omitempty"`
	Token   string `json:"token,omitempty"`
	// API accepts an access token for the emulator's API instead of a session.
	API string `json:"api,omitempty"`

	// The same as Graph and Typed, for a system that calls Graph over HTTP/2.
	GraphH2 string `json:"graph_h2,omitempty"`
	TypedH2 string `json:"typed_h2,omitempty"`
}

// usesH2 reports whether a system calls Graph over HTTP/2. It takes part in nothing else.
func (s system) usesH2() bool { return s.GraphH2 != "" || s.TypedH2 != "" }

// The names of the systems that others are compared with.
const (
	ours       = "fibermsal"
	oursTwice  = "fibermsal x2"
	oursOnV3   = "fibermsal v3"
	bareGet    = "one GET"
	fiberFloor = "fiber session"
	goth       = "goth_fiber"
	msalNode   = "MSAL Node"
	contribJWT = "contrib/jwt"
	jwx        = "jwx"

	oursOnH2  = "fibermsal h2"
	floorOnH2 = "fiber session h2"
	gothOnH2  = "goth_fiber h2"
)

// table are the systems that come with the project. Ours comes first, for the floor reads a
// value as large as its records. The floor is one server and two rows: a handler with
// nothing but a GET, and Fiber's own session.
var table = []system{
	{
		Name: ours, About: "fibermsal as its README shows it",
		Package: "./peers/fibermsal", Login: "/user/login", Callback: "/user/authorized",
		Session: "/session", Graph: "/graph", Typed: "/typed", Worker: "/worker", Token: "/token", API: "/api",
	},
	{
		Name: bareGet, About: "bare Fiber handler, one Redis GET of a value as large as a session's record",
		Package: "./peers/floor", Seed: "/seed", Session: "/get",
	},
	{
		Name: fiberFloor, About: "Fiber's session middleware on storage/redis, net/http; no sign-in, no renewal",
		Package: "./peers/floor", Seed: "/seed", Session: "/session", Graph: "/graph", Typed: "/typed",
	},
	{
		Name: oursOnV3, About: "fibermsal on Fiber v3",
		Package: "./peers/fibermsal-v3", Login: "/user/login", Callback: "/user/authorized",
		Session: "/session", Graph: "/graph", Typed: "/typed", API: "/api",
	},
	{
		Name: oursTwice, About: "fibermsal, two processes on one Redis", Instances: 2,
		Package: "./peers/fibermsal", Login: "/user/login", Callback: "/user/authorized",
		Session: "/session", Graph: "/graph", Typed: "/typed",
	},
	{
		Name: goth, About: "goth_fiber 0.3.2 with goth's azureadv2 on storage/redis",
		Package: "./peers/goth", Login: "/auth/azureadv2", Callback: "/auth/azureadv2/callback",
		Session: "/session", Graph: "/graph",
	},
	{
		Name: msalNode, About: "MSAL Node, Express 5, express-session, connect-redis, as Microsoft's samples do it",
		Command: []string{"node", "server.mjs"}, Dir: "peers/msal-node", Login: "/auth/signin", Callback: "/auth/redirect",
		Session: "/session", Graph: "/graph",
	},
	{
		Name: oursOnH2, About: "the same as fibermsal, with HTTP/2 to Graph",
		Package: "./peers/fibermsal", Login: "/user/login", Callback: "/user/authorized", GraphH2: "/graph", TypedH2: "/typed",
	},
	{
		Name: floorOnH2, About: "the same as fiber session, with HTTP/2 to Graph",
		Package: "./peers/floor", Seed: "/seed", GraphH2: "/graph", TypedH2: "/typed",
	},
	{
		Name: gothOnH2, About: "the same as goth_fiber, with HTTP/2 to Graph",
		Package: "./peers/goth", Login: "/auth/azureadv2", Callback: "/auth/azureadv2/callback", GraphH2: "/graph",
	},
	{
		Name: contribJWT, About: "gofiber/contrib/jwt with a JWKS, and checks of the issuer and the audience",
		Package: "./peers/jwt", API: "/contrib",
	},
	{
		Name: jwx, About: "lestrrat-go/jwx in the steps of xenitab/go-oidc-middleware's Fiber adapter, which no module proxy has",
		Package: "./peers/jwt", API: "/jwx",
	},
}

// comesWithTheProject reports whether a system is in the table and was not read from a file.
func comesWithTheProject(name string) bool {
	return slices.ContainsFunc(table, func(s system) bool { return s.Name == name })
}

// hasSessions reports whether users sign in to a system.
func (s system) hasSessions() bool { return s.Login != "" || s.Seed != "" }

// choose returns the systems that the command line names, or else all that the workloads need.
func choose(o options, names []string) ([]system, error) {
	for _, name := range names {
		if _, ok := workloads[name]; !ok {
			return nil, fmt.Errorf("no workload %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(workloads)), ", "))
		}
	}
	all := slices.Clone(table)
	for _, name := range o.extra {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var s system
		if err := json.Unmarshal(text, &s); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, s)
	}
	if o.systems == "" {
		return slices.DeleteFunc(all, func(s system) bool {
			return !slices.ContainsFunc(names, func(name string) bool { return workloads[name].uses(s) })
		}), nil
	}
	only := strings.Split(o.systems, ",")
	chosen := slices.DeleteFunc(all, func(s system) bool { return !slices.Contains(only, s.Name) })
	if len(chosen) != len(only) {
		return nil, fmt.Errorf("no such system among %q", o.systems)
	}
	return chosen, nil
}
