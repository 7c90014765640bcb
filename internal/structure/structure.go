// Package structure measures how the code of a Go package is divided into files, functions and types,
// and finds files that cannot be understood without each other. It also finds the tests and fuzz targets of a module.
//
// A measurement reads the non-test files of one directory and nothing else. Imports are not
// resolved, so that a package is measured without compiling its dependencies. The
// meaning of an identifier is unknown if it depends on an import, for example the
// type of `v` in `for v := range maps.Keys(m)`, so dependencies through such values
// are not found. Build constraints are ignored, so that the figures are the same on
// every system; if files of several systems declare the same name, its uses belong to
// the first of these files.
package structure

// Package is the code of one directory.
type Package struct {
	// Dir is its directory: as given to Scan, or relative to the module given to Module.
	Dir string
	// Files are sorted by name.
	Files []File
	// Methods are those declared on each type, exported or not, by the type's name.
	// Types without methods have no entry.
	Methods map[string]int
	// Exported is the number of package-level names that other packages can use.
	Exported int
	// Cycles are the sets of files each of which depends on all others of its set,
	// directly or not. The largest comes first.
	Cycles [][]string
}

// File is one file of a package.
type File struct {
	Name      string
	Lines     int
	Functions []Function
	// Uses are the other files of the package that it depends on: they declare
	// something package-level, a method or a field that occurs in it.
	Uses []string
}

// Function is a function or a method with a name.
type Function struct {
	// Name of a method is preceded by the type, as in Type.Method.
	Name string
	// Lines reach from the declaration to its closing brace.
	Lines int
}
