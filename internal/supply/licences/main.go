// Licences prints the modules that the packages and tests of some modules need, with their licences, and fails if one
// has a licence that is unknown or not allowed.
//
//	go run ./internal/supply/licences [module directory ...]
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/fibermsal/fibermsal/internal/supply"
)

const own = "github.com/fibermsal/fibermsal"

func main() {
	dirs := os.Args[1:]
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	if err := run(context.Background(), os.Stdout, dirs); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, dirs []string) error {
	var all supply.Modules
	for _, dir := range dirs {
		modules, err := supply.List(ctx, dir, own, true, "./...")
		if err != nil {
			return err
		}
		all = all.Merge(modules)
	}
	return write(w, all)
}

// write prints the table, and returns an error that names the modules whose licences are not allowed.
func write(w io.Writer, all supply.Modules) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var refused []string
	for _, m := range all {
		if _, err := fmt.Fprintf(table, "%s\t%s\t%s\n", m.Path, m.Version, m.Licence()); err != nil {
			return err
		}
		for _, id := range m.Refused(supply.AllowedInTests...) {
			refused = append(refused, m.Path+": "+id)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if refused != nil {
		return fmt.Errorf("not allowed: %s", strings.Join(refused, ", "))
	}
	_, err := fmt.Fprintf(w, "%d modules\n", len(all))
	return err
}
