// Sbom writes bills of materials (CycloneDX 1.6) of the library's packages and of the commands into a directory.
//
//	go run ./internal/supply/sbom [-version v1.2.3] -o bin/sbom
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/fibermsal/fibermsal/internal/supply"
)

const own = "github.com/fibermsal/fibermsal"

// subjects lists the packages for which bills of materials are written, with the names of the files.
var subjects = []struct {
	file, dir, pkg string
	program        bool
}{
	{file: "fibermsal-v2", dir: ".", pkg: "."},
	{file: "fibermsal-v3", dir: "v3", pkg: "."},
	{file: "entra", dir: ".", pkg: "entra"},
	{file: "graph", dir: ".", pkg: "graph"},
	{file: "embedded", dir: ".", pkg: "embedded"},
	{file: "cmd-fibermsal", dir: ".", pkg: "cmd/fibermsal", program: true},
	{file: "cmd-entra-emulator", dir: ".", pkg: "cmd/entra-emulator", program: true},
}

func main() {
	out := flag.String("o", "bin/sbom", "the `directory` for the files")
	version := flag.String("version", "", "the `version` of the library and the commands, if they have one")
	flag.Parse()
	if err := run(context.Background(), ".", *out, *version); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// run writes the bills of the repository in a directory.
func run(ctx context.Context, repository, out, version string) error {
	if err := os.MkdirAll(out, 0o750); err != nil {
		return err
	}
	var failed error
	for _, s := range subjects {
		modules, err := supply.List(ctx, filepath.Join(repository, s.dir), own, false, "./"+s.pkg)
		if err != nil {
			return err
		}
		about := supply.Subject{Module: path.Join(own, s.dir), Version: version, Package: s.pkg, IsProgram: s.program, Licence: "MIT"}
		var text bytes.Buffer
		failed = errors.Join(failed, modules.WriteCycloneDX(&text, about), os.WriteFile(filepath.Join(out, s.file+".cdx.json"), text.Bytes(), 0o600))
	}
	return failed
}
