package structure

import (
	"errors"
	"go/ast"
	"go/token"
	"go/types"
)

// resolve finds the objects that identifiers refer to, as far as the package declares them.
func resolve(fset *token.FileSet, sources []source) *types.Info {
	files := make([]*ast.File, len(sources))
	for i, s := range sources {
		files[i] = s.syntax
	}
	info := &types.Info{
		Defs:       map[*ast.Ident]types.Object{},
		Uses:       map[*ast.Ident]types.Object{},
		Scopes:     map[ast.Node]*types.Scope{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	config := types.Config{
		Importer: noImports{},
		Error:    func(error) {}, // errors are expected, because imports are not resolved
	}
	pkg, _ := config.Check(files[0].Name.Name, fset, files, info) // as above
	for _, file := range files {
		resolveRest(info, pkg, file)
	}
	return info
}

// resolveRest adds the names of the package that go/types leaves out because the expression
// around them is unknown, such as document in atomic.Pointer[document].
func resolveRest(info *types.Info, pkg *types.Package, file *ast.File) {
	var visit func(ast.Node) bool
	visit = func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.SelectorExpr: // the selected name is a field, a method, or imported
			ast.Inspect(n.X, visit)
			return false
		case *ast.KeyValueExpr: // a name before the colon may be a field
			if _, isName := n.Key.(*ast.Ident); isName {
				ast.Inspect(n.Value, visit)
				return false
			}
		case *ast.FuncLit: // without a scope, its own names would be taken for others
			return info.Scopes[n.Type] != nil
		case *ast.Ident:
			resolveName(info, pkg, n)
		}
		return true
	}
	for _, declaration := range file.Decls {
		for _, name := range names(declaration) {
			info.Defs[name] = nil // go/types leaves out those that another file declares, too
		}
	}
	ast.Inspect(file, visit)
}

// resolveName adds the object that an identifier refers to in its scope, unless it is resolved
// already.
func resolveName(info *types.Info, pkg *types.Package, name *ast.Ident) {
	if _, isDefinition := info.Defs[name]; isDefinition || info.Uses[name] != nil {
		return
	}
	scope := pkg.Scope().Innermost(name.Pos())
	if scope == nil { // the name in the package clause
		return
	}
	if _, object := scope.LookupParent(name.Name, name.Pos()); object != nil {
		info.Uses[name] = object
	}
}

// noImports resolves no import. go/types then treats every selector of an imported
// package as an unknown value, and continues.
type noImports struct{}

var errNoImports = errors.New("structure: imports are not resolved")

// Import implements types.Importer.
func (noImports) Import(string) (*types.Package, error) { return nil, errNoImports }
