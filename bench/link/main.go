// Link is a stretch of network between a server and its Redis: a relay on loopback that
// holds back whatever Redis replies for a round-trip time, for kernels without netem.
//
//	link -listen 127.0.0.1:7000 -target 127.0.0.1:6379 -rtt 5ms
//
// The whole round-trip time is added to the replies, because the way there and the way back
// cannot be told apart by a client that waits for its reply, and one delay costs half of two.
// Connections are accepted at once, so the handshake of TCP takes no longer than without.
//
// It is one thread in a process of its own: it competes with nobody for a scheduler, and its
// processor time is in none of the figures. It waits with timerfd(2), because the timers of
// the Go runtime are a millisecond coarse in a process that is otherwise idle.
package main

import (
	"flag"
	"log"
	"time"
)

func main() {
	log.SetFlags(0)
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on")
	target := flag.String("target", "127.0.0.1:6379", "`address` of Redis")
	rtt := flag.Duration("rtt", 0, "round-trip time to add")
	jitter := flag.Duration("jitter", 0, "up to so much more, evenly distributed; the order of a connection is kept")
	flag.Parse()
	r, err := newRelay(*listen, *target, *rtt, *jitter)
	if err != nil {
		log.Fatal(err)
	}
	log.Print(r.run(time.Now))
}
