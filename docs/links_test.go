package docs_test

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	fence      = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
	indented   = regexp.MustCompile(`(?m)^(?: {4}|\t).*$`)
	inlineCode = regexp.MustCompile("`[^`\n]+`")
	link       = regexp.MustCompile(`\]\(([^()\s]+(?:\([^()\s]*\)[^()\s]*)*)\)`)
	heading    = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#*$`)
	markup     = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
)

// Every relative link leads to a file of the repository, and to a heading if it names one.
func TestDocuments_LinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	anchors, links := map[string]map[string]bool{}, 0
	for _, document := range documents(t) {
		for _, target := range linksOf(read(t, document)) {
			u, err := url.Parse(target)
			if err != nil {
				t.Errorf("%s: %q is no URL", document, target)
				continue
			}
			if u.Scheme != "" || u.Host != "" {
				continue
			}
			links++
			to := document
			if u.Path != "" {
				to = path.Join(path.Dir(document), u.Path)
			}
			info, err := os.Stat(filepath.Join(root, filepath.FromSlash(to)))
			if err != nil {
				t.Errorf("%s: %s does not exist", document, target)
				continue
			}
			if u.Fragment == "" || info.IsDir() || !strings.HasSuffix(to, ".md") {
				continue
			}
			if anchors[to] == nil {
				anchors[to] = anchorsOf(read(t, to))
			}
			if !anchors[to][u.Fragment] {
				t.Errorf("%s: %s has no heading #%s", document, to, u.Fragment)
			}
		}
	}
	if links < 100 {
		t.Errorf("found %d links", links)
	}
}

// linksOf returns the targets of the links in a document, outside of code.
func linksOf(document string) (targets []string) {
	prose := inlineCode.ReplaceAllString(indented.ReplaceAllStringFunc(fence.ReplaceAllString(document, ""), withoutCode), "`code`")
	for _, match := range link.FindAllStringSubmatch(prose, -1) {
		targets = append(targets, match[1])
	}
	return targets
}

// withoutCode keeps an indented line that continues a list, and removes one that is code: code has no links.
func withoutCode(line string) string {
	if strings.Contains(line, ".md") {
		return line
	}
	return ""
}

// anchorsOf returns the anchors that code hosts give the headings of a document.
func anchorsOf(document string) map[string]bool {
	anchors := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(document, ""), -1) {
		anchor := slug(match[1])
		unique := anchor
		for i := 1; anchors[unique]; i++ {
			unique = anchor + "-" + strconv.Itoa(i)
		}
		anchors[unique] = true
	}
	return anchors
}

// slug is a heading as an anchor: lower case, without punctuation, with dashes for spaces.
func slug(heading string) string {
	heading = markup.ReplaceAllString(heading, "$1")
	var anchor strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case r == ' ':
			anchor.WriteRune('-')
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 0x7f:
			anchor.WriteRune(r)
		}
	}
	return anchor.String()
}
