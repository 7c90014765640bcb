package structure

import (
	"go/ast"
	"go/token"
)

// functions lists the functions and methods of a file.
func functions(fset *token.FileSet, file *ast.File) []Function {
	var list []Function
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		name := function.Name.Name
		if receiver := receiverOf(function); receiver != "" {
			name = receiver + "." + name
		}
		lines := fset.Position(function.End()).Line - fset.Position(function.Pos()).Line + 1
		list = append(list, Function{name, lines})
	}
	return list
}

// receivers lists the receiver types of the methods of a file, one for each method.
func receivers(file *ast.File) []string {
	var list []string
	for _, declaration := range file.Decls {
		if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv != nil {
			list = append(list, receiverOf(function))
		}
	}
	return list
}

// receiverOf returns the type on which a method is declared, without its type
// parameters, and nothing for a function.
func receiverOf(function *ast.FuncDecl) string {
	if function.Recv == nil {
		return ""
	}
	expression := function.Recv.List[0].Type
	for {
		switch e := expression.(type) {
		case *ast.StarExpr:
			expression = e.X
		case *ast.ParenExpr:
			expression = e.X
		case *ast.IndexExpr:
			expression = e.X
		case *ast.IndexListExpr:
			expression = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

// exported counts the package-level names of a file that other packages can use.
// Methods and fields belong to the name of their type.
func exported(file *ast.File) int {
	count := 0
	for _, declaration := range file.Decls {
		for _, name := range names(declaration) {
			if name.IsExported() {
				count++
			}
		}
	}
	return count
}

// names lists what a declaration adds to the scope of the package.
func names(declaration ast.Decl) []*ast.Ident {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		var list []*ast.Ident
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				list = append(list, s.Name)
			case *ast.ValueSpec:
				list = append(list, s.Names...)
			}
		}
		return list
	}
	return nil
}
