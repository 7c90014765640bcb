// Figures prints how the packages of modules are divided. The test in structure_test.go limits these
// figures.
//
//	go run ./internal/structure/figures [module directory ...]
//
// Without arguments it prints the figures of the module in the current directory, and of v3 if that
// directory exists.
package main

import (
	"fmt"
	"io"
	"os"
	"path"
	"text/tabwriter"

	"github.com/fibermsal/fibermsal/internal/structure"
)

func main() {
	modules := os.Args[1:]
	if len(modules) == 0 {
		modules = structure.Published(".")
	}
	if err := write(os.Stdout, modules); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write prints the table of all packages of some modules.
func write(w io.Writer, modules []string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "package\tfiles\tlines\tfunctions\texported\tmost methods\tlargest cycle\tlongest file\tlongest function")
	for _, module := range modules {
		packages, err := structure.Module(module)
		if err != nil {
			return err
		}
		for _, p := range packages {
			fmt.Fprintln(table, row(path.Join(module, p.Dir), p))
		}
	}
	return table.Flush()
}

// row is the line of one package.
func row(name string, p *structure.Package) string {
	largest, methods := p.LargestType()
	file, function := p.LongestFile(), p.LongestFunction()
	return fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s", name, len(p.Files), p.Lines(), len(p.Functions()), p.Exported,
		figure(largest, methods), cycle(p), figure(file.Name, file.Lines), figure(function.Name, function.Lines))
}

// figure is a number and the name of its subject, if there is one.
func figure(name string, number int) string {
	if name == "" {
		return "-"
	}
	return fmt.Sprintf("%s %d", name, number)
}

// cycle describes how many of the files depend on each other.
func cycle(p *structure.Package) string {
	files := len(p.LargestCycle())
	if files == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d", files, len(p.Files))
}
