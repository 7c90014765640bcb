// Command buildcost measures how much the library adds to the build of an app. The builds begin with an
// empty build cache, as for a container image or on a new machine, but the modules are already
// downloaded. Run it in directory bench:
//
//	go run ./buildcost                   all apps, ten minutes of two cores
//	go run ./buildcost -apps bare,root   the two that take no Graph SDK, two minutes
//
// The machine should be otherwise idle. The results replace those of the same apps in the file. Results
// of other apps are kept.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("buildcost: ")
	names := flag.String("apps", strings.Join(appNames(), ","), "comma-separated `names` of the apps to build")
	file := flag.String("out", "results/buildcost.json", "`file` of results to update")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, strings.Split(*names, ","), *file)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run builds the named apps one after the other. Each result is written immediately, because the next
// build may take minutes and be interrupted.
func run(ctx context.Context, names []string, file string) error {
	for _, name := range names {
		if !slices.Contains(appNames(), name) {
			return fmt.Errorf("there is no app %q, only %s", name, strings.Join(appNames(), ", "))
		}
	}
	all, err := readResults(file)
	if err != nil {
		return err
	}
	for _, a := range apps {
		if !slices.Contains(names, a.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "building %s: %s\n", a.name, a.what)
		r, err := a.measure(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		all = all.with(r)
		if err := all.write(file); err != nil {
			return err
		}
	}
	return all.print(os.Stdout)
}
