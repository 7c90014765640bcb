// Firstminutes goes the ways of a newcomer as the documents describe them, and measures how long the machine takes:
// from a clone to a signed-in page, from an empty module to the first protected route, and from there to the first
// test with a signed-in user, for Fiber v3 and Fiber v2. The commands and the code are those of the documents, so it
// fails if one of them does not work.
//
//	scripts/first-minutes                  with the build cache as it is
//	COLD=1 scripts/first-minutes           with an empty build cache, and a second time with the cache that results
//	COLD=1 scripts/first-minutes -write    also writes the table into docs/getting-started.md
//
// It needs git, bash and the ports that the documents use, and runs on Unix. What is committed is walked, not what is
// being edited.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("first-minutes: ")
	cold := flag.Bool("cold", os.Getenv("COLD") != "", "begin with an empty build cache, which takes minutes; also set by COLD=1")
	write := flag.Bool("write", false, "write the table into "+startPage)
	only := flag.String("only", "", "walk only one `version` of Fiber, v2 or v3")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, options{cold: *cold, write: *write, only: *only})
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// options are the command line.
type options struct {
	cold, write bool
	only        string
}

// run takes all walks and prints what they took.
func run(ctx context.Context, o options) error {
	before := load()
	versions, err := o.versions()
	if err != nil {
		return err
	}
	place, err := newPlace(ctx, os.Stdout)
	if err != nil {
		return err
	}
	defer place.remove()
	var taken []*walk
	for _, version := range versions {
		walks, err := place.walkAll(ctx, version, o.cold)
		taken = append(taken, walks...)
		if err != nil {
			return fmt.Errorf("%s: %w", version, err)
		}
	}
	table := tableOf(taken) + "\n" + note(time.Now(), place.goEnv["GOVERSION"], before)
	fmt.Fprint(os.Stdout, "\n"+table)
	if !o.write {
		return nil
	}
	return writeTable(place.repository, table)
}

// versions returns those of Fiber that are walked, or an error about options that contradict each other.
func (o options) versions() ([]string, error) {
	switch {
	case o.write && o.only != "":
		return nil, errors.New("-write requires both versions, because the table has both")
	case o.only == "":
		return []string{fiberV3, fiberV2}, nil
	case o.only == "v3":
		return []string{fiberV3}, nil
	case o.only == "v2":
		return []string{fiberV2}, nil
	}
	return nil, fmt.Errorf("-only is v2 or v3, not %q", o.only)
}
