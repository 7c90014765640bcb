package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"
)

// own is the path of this project's modules at a module proxy.
const own = "/github.com/fibermsal/"

// unpublished serves a module proxy until the returned function is called. It knows none of this project's modules,
// and redirects all other requests to the first of the user's proxies. With a replacement, `go get` accepts modules
// that do not exist, but not that a proxy refuses them, as some do.
func unpublished(ctx context.Context, proxies string) (address string, stop func(), err error) {
	first, _, _ := strings.Cut(strings.ReplaceAll(proxies, "|", ","), ",")
	if !strings.HasPrefix(first, "http") {
		return proxies, func() {}, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: withoutOwn(strings.TrimSuffix(first, "/")), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}

func withoutOwn(proxy string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, own) {
			http.NotFound(w, r)
			return
		}
		http.Redirect(w, r, proxy+r.URL.EscapedPath(), http.StatusFound)
	})
}
