// Package codeblock finds the code and the commands that Markdown documents show, for programs that compile, run or
// compare them.
package codeblock

import (
	"regexp"
	"strings"
)

// Fenced returns the code between fences of any of the languages, such as "go".
func Fenced(document string, languages ...string) (blocks []string) {
	fence := regexp.MustCompile("(?s)```(?:" + strings.Join(languages, "|") + ")\n(.*?)```")
	for _, block := range fence.FindAllStringSubmatch(document, -1) {
		blocks = append(blocks, block[1])
	}
	return blocks
}

// Normal is code without its indentation.
func Normal(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

var (
	fenced  = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
	comment = regexp.MustCompile(`\s+# .*$`)
)

// Commands returns the lines of indented code, without comments. Lines that end with a backslash are joined with the
// next one.
func Commands(document string) (commands []string) {
	continued := ""
	for line := range strings.Lines(fenced.ReplaceAllString(document, "")) {
		code, isCode := strings.CutPrefix(line, "    ")
		if !isCode {
			continued = ""
			continue
		}
		code = strings.TrimSpace(comment.ReplaceAllString(strings.TrimRight(code, "\n"), ""))
		if part, more := strings.CutSuffix(code, `\`); more {
			continued += part
			continue
		}
		commands = append(commands, continued+code)
		continued = ""
	}
	return commands
}
