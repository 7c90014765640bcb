package main

import (
	_ "embed" // the handlers' source
	"go/scanner"
	"go/token"
	"html/template"
	"strings"
)

// The sources are embedded, so that pages show the code that was compiled.
var (
	//go:embed app.go
	appSource string
	//go:embed pages.go
	pagesSource string
	//go:embed guarded.go
	guardedSource string
)

// sourceOf returns the code between the two markers of a file as HTML.
func sourceOf(file string) template.HTML {
	_, rest, _ := strings.Cut(file, "// source:start\n")
	code, _, _ := strings.Cut(rest, "\n// source:end")
	return highlight(strings.TrimSpace(code))
}

// sourceOfRoute returns the line that registers a GET route as HTML.
func sourceOfRoute(path string) template.HTML {
	start := `app.Get("` + path + `", `
	_, rest, _ := strings.Cut(appSource, "\t"+start)
	line, _, _ := strings.Cut(rest, "\n")
	return highlight(start + line)
}

// highlight returns Go code as HTML with marked keywords, strings and comments.
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
