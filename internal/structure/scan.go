package structure

import (
	"go/token"
	"path/filepath"
)

// Scan measures the package in a directory.
func Scan(dir string) (*Package, error) {
	fset := token.NewFileSet()
	sources, err := parse(fset, dir)
	if err != nil {
		return nil, err
	}
	p := &Package{Dir: filepath.ToSlash(dir), Methods: map[string]int{}}
	uses := usesOf(fset, sources)
	for _, s := range sources {
		file := File{Name: s.name, Lines: s.lines, Functions: functions(fset, s.syntax), Uses: uses[s.name]}
		p.Files = append(p.Files, file)
		p.Exported += exported(s.syntax)
		for _, receiver := range receivers(s.syntax) {
			p.Methods[receiver]++
		}
	}
	p.Cycles = cycles(p.Files)
	return p, nil
}
