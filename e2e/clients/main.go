// Clients runs unmodified clients of Entra ID and Graph, in several languages, against cmd/entra-emulator and prints a
// table of what works. It runs in its own directory:
//
//	go run . -write ../../docs/emulator.md   # puts the table into the document
//	go run . -check ../../docs/emulator.md   # fails if the document has another one
//
// A client is a program that reads the address of the emulator from its environment. It prints "version
// 1.2.3", and "ok NAME" for each of its checks. It ends with an error at the first check that fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	write := flag.String("write", "", "put the table into this `document`")
	check := flag.String("check", "", "compare the table with that of this `document`")
	only := flag.String("only", "", "run only clients whose `name` contains this")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *only, *write, *check)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only, write, check string) (err error) {
	dir, err := os.MkdirTemp("", "fibermsal-clients-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	emulator, err := startEmulator(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, emulator.stop()) }()
	var results []result
	for _, c := range clients {
		if strings.Contains(strings.ToLower(c.name), strings.ToLower(only)) {
			results = append(results, c.run(ctx, dir, emulator))
		}
	}
	printTable(os.Stdout, results)
	switch {
	case anyFailed(results):
		return errors.New("not every client works")
	case write != "":
		return writeTable(write, results)
	case check != "":
		return checkTable(check, results)
	default:
		return nil
	}
}
