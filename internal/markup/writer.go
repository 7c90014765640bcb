// Package markup writes the library's own HTML pages. Values that are not constants of the program are
// escaped for the place where they are written, so that they cannot create an element, attribute or
// script (threat A10).
//
// html/template does the same for any page. But it calls methods by name, so the linker keeps the
// exported methods of all types, which doubles the size of an app.
package markup

import (
	"bytes"
	"embed"
	"strings"
)

// literal is a constant text of the program. Its type is not exported, so that other packages can pass
// only constants.
type literal string

// Writer writes a page. Wrong markup panics for all values, so any test that renders the page finds the
// mistake.
type Writer struct {
	page  []byte
	inTag bool // after the name of a start tag, where attributes are allowed
}

// Bytes returns the page.
func (w *Writer) Bytes() []byte { return w.page }

// Markup writes markup. The markup may end after the name or an attribute of a start tag if attributes
// are written next. Elements whose text is not HTML must be written with Embed.
func (w *Writer) Markup(s literal) {
	for _, raw := range []string{"<script", "<style", "<!--", "<xmp", "<iframe", "<noembed", "<noframes", "<noscript", "<plaintext"} {
		if bytes.Contains(bytes.ToLower([]byte(s)), []byte(raw)) {
			panic("markup: values cannot be escaped after " + raw)
		}
	}
	w.page = append(w.page, s...)
	tag := w.page[bytes.LastIndexByte(w.page, '<')+1:]
	w.inTag = !bytes.Contains(tag, []byte{'>'})
	if w.inTag && !isComplete(tag) {
		panic("markup: an attribute is not complete: " + string(tag))
	}
}

// isComplete reports whether an attribute can follow the beginning of a tag, which is the case after
// the tag's name and after an attribute with a quoted value.
func isComplete(tag []byte) bool {
	if len(tag) == 0 {
		return false
	}
	last := tag[len(tag)-1]
	return bytes.Count(tag, []byte{'"'})%2 == 0 && (last == '"' || 'a' <= last && last <= 'z')
}

// Text writes the text of an element.
func (w *Writer) Text(value string) {
	w.require(!w.inTag)
	w.escape(value)
}

// Data writes the attribute data-name, which browsers do not interpret.
func (w *Writer) Data(name literal, value string) {
	w.attribute("data-"+name, "", value)
}

// Language writes the attributes lang and dir of an element. tag is a BCP 47 language tag, and
// direction is "ltr" or "rtl".
func (w *Writer) Language(tag, direction string) {
	w.attribute("lang", "", tag)
	w.attribute("dir", "", direction)
}

// URL writes an attribute that contains a URL, such as href.
func (w *Writer) URL(attribute literal, url string) {
	w.attribute(attribute, "", safeURL(url))
}

// Refresh writes the content of <meta http-equiv="refresh">, which opens a URL after a number of seconds.
func (w *Writer) Refresh(seconds literal, url string) {
	url = safeURL(url)
	if strings.HasPrefix(url, "'") { // a part of the URL in quotes would be used as the URL
		url = escapeOf('\'') + url[1:]
	}
	w.attribute("content", seconds+";url=", url)
}

// Embed writes an element that contains a file of the program, such as a script. Other values cannot be
// written there, because browsers do not decode escaped characters in such elements.
func (w *Writer) Embed(element literal, files embed.FS, name string) {
	content, err := files.ReadFile(name)
	if err != nil {
		panic("markup: " + err.Error())
	}
	w.require(!w.inTag && !bytes.Contains(content, []byte("</")) && !bytes.Contains(content, []byte("<!--")))
	w.page = append(w.page, "<"+element+">"...)
	w.page = append(w.page, content...)
	w.page = append(w.page, "</"+element+">"...)
}

// attribute writes an attribute whose value begins with a constant.
func (w *Writer) attribute(name, start literal, value string) {
	w.require(w.inTag)
	w.page = append(w.page, " "+name+`="`+start...)
	w.escape(value)
	w.page = append(w.page, '"')
}

func (w *Writer) require(condition bool) {
	if !condition {
		panic("markup: a value has no place after " + string(w.page[max(0, len(w.page)-40):]))
	}
}
