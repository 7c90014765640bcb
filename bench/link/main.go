// Link simulates the network between a server and its Redis, for kernels without netem. It delays the
// replies of Redis by a round-trip time.
//
//	link 127.0.0.1:6379 5ms 0s      target, round-trip time, jitter
//
// It prints the address on which it listens. It is a separate process, so that it does not share a
// scheduler with a measured program, and so that its processor time is not part of any figure.
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
