package structure

import (
	"cmp"
	"maps"
	"slices"
)

// Lines returns the lines of all files.
func (p *Package) Lines() int {
	sum := 0
	for _, file := range p.Files {
		sum += file.Lines
	}
	return sum
}

// Functions returns the functions and methods of all files.
func (p *Package) Functions() []Function {
	var list []Function
	for _, file := range p.Files {
		list = append(list, file.Functions...)
	}
	return list
}

// LongestFile returns the file with the most lines.
func (p *Package) LongestFile() File {
	return largest(p.Files, func(f File) int { return f.Lines })
}

// LongestFunction returns the function with the most lines, or a zero value if there is no function.
func (p *Package) LongestFunction() Function {
	return largest(p.Functions(), func(f Function) int { return f.Lines })
}

// LargestType returns the type with the most methods, if any type has methods.
func (p *Package) LargestType() (name string, methods int) {
	name = largest(slices.Sorted(maps.Keys(p.Methods)), func(name string) int { return p.Methods[name] })
	return name, p.Methods[name]
}

// LargestCycle returns the largest set of files that depend on each other, if there
// is one.
func (p *Package) LargestCycle() []string {
	if len(p.Cycles) == 0 {
		return nil
	}
	return p.Cycles[0]
}

// largest returns the first of the largest elements, or a zero value.
func largest[T any](list []T, size func(T) int) T {
	if len(list) == 0 {
		var none T
		return none
	}
	return slices.MaxFunc(list, func(a, b T) int { return cmp.Compare(size(a), size(b)) })
}
