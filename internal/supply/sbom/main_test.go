package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestRun_WritesABillOfEverySubject(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "sbom")
	if err := run(t.Context(), "../../..", out, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	for _, s := range subjects {
		text, err := os.ReadFile(filepath.Join(out, s.file+".cdx.json"))
		if err != nil || !bytes.Contains(text, []byte(`"bomFormat": "CycloneDX"`)) || !bytes.Contains(text, []byte("fibermsal@v1.2.3")) && s.dir == "." {
			t.Errorf("%s: %v\n%s", s.file, err, text)
		}
	}
	emulator, err := os.ReadFile(filepath.Join(out, "cmd-entra-emulator.cdx.json"))
	if err != nil || !bytes.Contains(emulator, []byte(`"components": []`)) {
		t.Errorf("the emulator needs other modules: %v\n%s", err, emulator)
	}
}
