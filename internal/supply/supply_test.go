package supply_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/supply"
)

const own = "github.com/fibermsal/fibermsal"

func TestList_FindsModulesAndWhatTheyImport(t *testing.T) {
	t.Parallel()
	modules, err := supply.List(t.Context(), "../..", own, false, "./internal/idtoken", "./internal/filestore")
	if err != nil {
		t.Fatal(err)
	}
	jose, bbolt, sys := modules.Find("github.com/go-jose/go-jose/v4"), modules.Find("go.etcd.io/bbolt"), modules.Find("golang.org/x/sys")
	if jose == nil || bbolt == nil || sys == nil {
		t.Fatalf("found %v", modules)
	}
	if !jose.Direct || !bbolt.Direct || sys.Direct || !slices.Contains(bbolt.Imports, sys.Path) {
		t.Errorf("jose %+v, bbolt %+v, sys %+v", jose, bbolt, sys)
	}
	if !strings.HasPrefix(jose.Sum, "h1:") || jose.Version == "" || jose.Licence() != "Apache-2.0 AND BSD-3-Clause" {
		t.Errorf("jose %+v", jose)
	}
	if modules.Find(own) != nil || modules.Find("github.com/gofiber/fiber/v2") != nil {
		t.Error("it contains our own module, or one that is not needed")
	}
}

func TestLicences_AreRecognized(t *testing.T) {
	t.Parallel()
	const bsd = "Redistribution and use in source and binary forms, with or without\nmodification, are permitted: "
	for name, row := range map[string]struct{ text, want string }{
		"MIT":          {"Permission is hereby granted, free of charge, to any\n  person obtaining a copy of", "MIT"},
		"Apache":       {"   Apache License\n   Version 2.0, January 2004", "Apache-2.0"},
		"BSD 2":        {bsd + "retain the notice.", "BSD-2-Clause"},
		"BSD 3":        {bsd + "retain the notice. Neither the name of X nor", "BSD-3-Clause"},
		"MPL":          {"Mozilla Public License, version 2.0", "MPL-2.0"},
		"ISC":          {"Permission to use, copy, modify, and/or distribute this software for any purpose with", "ISC"},
		"two of them":  {"Apache License Version 2.0 and Permission is hereby granted, free of charge, to any person obtaining a copy", "Apache-2.0 MIT"},
		"choice":       {"is subject to your choice of exactly one of\nthe following two licenses:\n  * The FreeType License, which\n  * The GNU General Public License (GPL)", "FTL"},
		"copyleft":     {"GNU GENERAL PUBLIC LICENSE\nVersion 3", "GPL"},
		"no other one": {"All rights reserved.", supply.Unknown},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "LICENSE.md"), []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := supply.Licences(dir, dir)
		if err != nil || strings.Join(got, " ") != row.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		m := &supply.Module{Licences: got}
		if refused := len(m.Refused()) > 0; refused != (row.want == "GPL" || row.want == "FTL" || row.want == supply.Unknown) {
			t.Errorf("%s is refused: %t", name, refused)
		}
	}
	if _, err := supply.Licences(t.TempDir(), "."); err == nil {
		t.Error("no licence is no error")
	}
}

// The licence of a package in a directory of a module is that of the nearest files, and that of the module.
func TestLicences_OfDirectoriesAreAddedUp(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	below := filepath.Join(root, "a", "b")
	if err := os.MkdirAll(below, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		filepath.Join(root, "LICENCE"):       "Apache License, Version 2.0",
		filepath.Join(root, "a", "COPYING"):  "Mozilla Public License version 2.0",
		filepath.Join(root, "license.go"):    "package p // Permission is hereby granted, free of charge, to any person obtaining a copy",
		filepath.Join(root, "a", "other.md"): "GNU GENERAL PUBLIC LICENSE",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := supply.Licences(root, below); err != nil || !slices.Equal(got, []string{"Apache-2.0", "MPL-2.0"}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWriteCycloneDX_IsReproducibleAndComplete(t *testing.T) {
	t.Parallel()
	modules := supply.Modules{
		{Path: "example.com/a", Version: "v1.0.0+incompatible", Sum: "h1:x=", Direct: true, Imports: []string{"example.com/b"}, Licences: []string{"MIT", "MPL-2.0"}},
		{Path: "example.com/b", Version: "v2.0.0", Licences: []string{"MIT"}},
	}
	about := supply.Subject{Module: "example.com/app", Version: "v3.0.0", Package: "cmd/app", IsProgram: true, Licence: "MIT"}
	var first, second bytes.Buffer
	if err := modules.WriteCycloneDX(&first, about); err != nil {
		t.Fatal(err)
	}
	if err := modules.WriteCycloneDX(&second, about); err != nil || first.String() != second.String() {
		t.Errorf("another text: %v", err)
	}
	var document struct {
		BOMFormat, SpecVersion string
		Metadata               struct{ Component map[string]any }
		Components             []struct {
			PURL     string
			Licenses []struct{ Expression string }
		}
		Dependencies []struct {
			Ref       string
			DependsOn []string
		}
	}
	if err := json.Unmarshal(first.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	if document.BOMFormat != "CycloneDX" || document.SpecVersion != "1.6" || document.Metadata.Component["purl"] != "pkg:golang/example.com/app@v3.0.0#cmd/app" {
		t.Errorf("%s", first.String())
	}
	if len(document.Components) != 2 || document.Components[0].PURL != "pkg:golang/example.com/a@v1.0.0%2Bincompatible" || document.Components[0].Licenses[0].Expression != "MIT AND MPL-2.0" {
		t.Errorf("the components: %+v", document.Components)
	}
	if d := document.Dependencies; len(d) != 3 || !slices.Equal(d[0].DependsOn, []string{document.Components[0].PURL}) || !slices.Equal(d[1].DependsOn, []string{document.Components[1].PURL}) {
		t.Errorf("the dependencies: %+v", d)
	}
}
