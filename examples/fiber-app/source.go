package main

import (
	_ "embed" // the handlers' source
	"go/scanner"
	"go/token"
	"html/template"
	"strings"
)

//go:embed pages.go
var pagesSource string

// sourceOfTypedPage is the handler of /graph as HTML, cut from the very file that
// was compiled, so that the page cannot show anything else.
func sourceOfTypedPage() template.HTML {
	_, rest, _ := strings.Cut(pagesSource, "// source:start\n")
	code, _, _ := strings.Cut(rest, "\n// source:end")
	return highlight(strings.TrimSpace(code))
}

// highlight marks keywords, strings and comments of Go code.
func highlight(code string) template.HTML {
	var (
		s    scanner.Scanner
		out  strings.Builder
		done int
		file = token.NewFileSet().AddFile("", -1, len(code))
	)
	s.Init(file, []byte(code), nil, scanner.ScanComments)
	for {
		pos, kind, literal := s.Scan()
		if kind == token.EOF {
			break
		}
		var class string
		switch {
		case kind.IsKeyword():
			class = "keyword"
		case kind == token.STRING:
			class = "string"
		case kind == token.COMMENT:
			class = "comment"
		default:
			continue
		}
		start := file.Offset(pos)
		out.WriteString(template.HTMLEscapeString(code[done:start]))
		out.WriteString(`<span class="` + class + `">` + template.HTMLEscapeString(literal) + `</span>`)
		done = start + len(literal)
	}
	out.WriteString(template.HTMLEscapeString(code[done:]))
	return template.HTML(out.String()) // escaped above
}
