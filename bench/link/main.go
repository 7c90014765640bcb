// Link is the network between a server and its Redis, for kernels without netem: it holds
// back whatever Redis replies for a round-trip time.
//
//	link 127.0.0.1:6379 5ms 0s      target, round-trip time, jitter
//
// It writes the address where it listens. It is a process of its own, so that it competes
// with nobody for a scheduler and its processor time is in none of the figures.
package main

import (
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/fibermsal/fibermsal/internal/faultproxy"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: link target rtt jitter")
	}
	rtt, err := time.ParseDuration(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	jitter, err := time.ParseDuration(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	proxy, err := faultproxy.Start(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	proxy.Delay(rtt, jitter)
	fmt.Println(proxy.Addr())
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, os.Interrupt)
	<-ended
	proxy.Close()
}
