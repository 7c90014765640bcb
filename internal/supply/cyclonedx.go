package supply

import (
	"encoding/json"
	"io"
	"path"
	"strings"
)

// Subject is the software that a bill of materials describes.
type Subject struct {
	Module, Version string
	Package         string // its path in the module, or "."
	IsProgram       bool
	Licence         string
}

// The parts of CycloneDX 1.6 (ECMA-424) that are used.
type (
	bom struct {
		Schema       string       `json:"$schema"`
		Format       string       `json:"bomFormat"`
		SpecVersion  string       `json:"specVersion"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Component component `json:"component"`
	}
	component struct {
		Type       string     `json:"type"`
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version,omitempty"`
		PURL       string     `json:"purl"`
		Licences   []licence  `json:"licenses"`
		Properties []property `json:"properties,omitempty"`
	}
	licence struct {
		Expression string `json:"expression"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	dependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
)

// WriteCycloneDX writes the bill of materials of a subject that depends on the modules. It contains
// neither a time nor a serial number, so that the same modules always result in the same text.
func (m Modules) WriteCycloneDX(w io.Writer, about Subject) error {
	address := purl(about.Module, about.Version)
	if about.Package != "." {
		address += "#" + about.Package
	}
	subject := component{
		Type: "library", Ref: address, Name: path.Join(about.Module, about.Package), Version: about.Version,
		PURL: address, Licences: []licence{{about.Licence}},
	}
	if about.IsProgram {
		subject.Type = "application"
	}
	document := bom{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: metadata{subject}, Components: []component{}, Dependencies: []dependency{{Ref: subject.Ref, DependsOn: []string{}}},
	}
	for _, module := range m {
		c := module.component()
		document.Components = append(document.Components, c)
		document.Dependencies = append(document.Dependencies, dependency{c.Ref, m.refs(module.Imports)})
		if module.Direct {
			document.Dependencies[0].DependsOn = append(document.Dependencies[0].DependsOn, c.Ref)
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document)
}

func (m *Module) component() component {
	c := component{
		Type: "library", Ref: purl(m.Path, m.Version), Name: m.Path, Version: m.Version,
		PURL: purl(m.Path, m.Version), Licences: []licence{{m.Licence()}},
	}
	if m.Sum != "" { // a hash of the module's files; the member hashes is for hashes of an archive
		c.Properties = []property{{"go:sum", m.Sum}}
	}
	return c
}

func (m Modules) refs(paths []string) []string {
	refs := []string{}
	for _, path := range paths {
		if module := m.Find(path); module != nil {
			refs = append(refs, purl(module.Path, module.Version))
		}
	}
	return refs
}

// purl is the package URL of a module (package-url/purl-spec, type golang).
func purl(path, version string) string {
	address := "pkg:golang/" + path
	if version != "" {
		address += "@" + strings.ReplaceAll(version, "+", "%2B")
	}
	return address
}
