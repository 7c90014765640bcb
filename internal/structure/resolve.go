package structure

import (
	"errors"
	"go/ast"
	"go/token"
	"go/types"
)

// resolve finds what identifiers mean, as far as the package itself says it.
func resolve(fset *token.FileSet, sources []source) *types.Info {
	files := make([]*ast.File, len(sources))
	for i, s := range sources {
		files[i] = s.syntax
	}
	info := &types.Info{
		Uses:       map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	config := types.Config{
		Importer: noImports{},
		Error:    func(error) {}, // what imports would say is missing everywhere
	}
	pkg, _ := config.Check(files[0].Name.Name, fset, files, info) // as above
	for _, file := range files {
		resolveArguments(info, pkg, file)
	}
	return info
}

// resolveArguments adds the type arguments of imported generic types, as in
// atomic.Pointer[document], which go/types leaves out where the generic type is
// unknown.
func resolveArguments(info *types.Info, pkg *types.Package, file *ast.File) {
	add := func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.SelectorExpr, *ast.FuncLit: // of another package; has a scope of its own
			return false
		case *ast.Ident:
			if info.Uses[n] == nil {
				if _, object := pkg.Scope().Innermost(n.Pos()).LookupParent(n.Name, n.Pos()); object != nil {
					info.Uses[n] = object
				}
			}
		}
		return true
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.IndexExpr:
			ast.Inspect(n.Index, add)
		case *ast.IndexListExpr:
			for _, index := range n.Indices {
				ast.Inspect(index, add)
			}
		}
		return true
	})
}

// noImports resolves nothing: go/types then takes every selector of an imported
// package for an unknown value, and goes on.
type noImports struct{}

var errNoImports = errors.New("structure: imports are not resolved")

// Import implements types.Importer.
func (noImports) Import(string) (*types.Package, error) { return nil, errNoImports }
