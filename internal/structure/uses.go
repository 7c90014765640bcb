package structure

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
)

// usesOf finds the files that each file depends on, by their names.
//
// Only package-level declarations, methods and fields can be in another file than the
// identifier that refers to them, so comparing positions is sufficient. A method that is
// called through an interface is the method of the interface, so it is not a dependency
// on an implementation.
func usesOf(fset *token.FileSet, sources []source) map[string][]string {
	graph := edges{fset: fset, to: map[string]map[string]bool{}}
	for _, s := range sources {
		graph.to[s.name] = map[string]bool{}
	}
	info := resolve(fset, sources)
	for name, object := range info.Uses {
		graph.add(name, object)
	}
	for selector, selection := range info.Selections {
		for _, field := range embedded(selection) {
			graph.add(selector.Sel, field)
		}
	}
	uses := map[string][]string{}
	for name, to := range graph.to {
		uses[name] = slices.Sorted(maps.Keys(to))
	}
	return uses
}

// edges are the dependencies of files on files.
type edges struct {
	fset *token.FileSet
	to   map[string]map[string]bool
}

// add records that the file of an identifier depends on the file of an object.
func (e edges) add(name *ast.Ident, object types.Object) {
	if !object.Pos().IsValid() { // of the language, or unknown
		return
	}
	from, to := e.fset.Position(name.Pos()).Filename, e.fset.Position(object.Pos()).Filename
	if from != to {
		e.to[from][to] = true
	}
}

// embedded lists the embedded fields that a selection passes through implicitly. For example, x.f may
// mean x.Embedded.f.
func embedded(selection *types.Selection) []*types.Var {
	var fields []*types.Var
	current := selection.Recv()
	path := selection.Index()
	for _, index := range path[:len(path)-1] {
		if pointer, ok := current.Underlying().(*types.Pointer); ok {
			current = pointer.Elem()
		}
		structure, ok := current.Underlying().(*types.Struct)
		if !ok {
			break
		}
		field := structure.Field(index)
		fields = append(fields, field)
		current = field.Type()
	}
	return fields
}
