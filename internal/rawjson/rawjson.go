// Package rawjson splits a JSON object into its members without decoding them.
//
// encoding/json reads a document twice to find the members of an object, and once more for each
// level below, which took most of the time of reading MSAL's cache. This package reads it once. It
// accepts exactly the objects that encoding/json accepts.
package rawjson

import "encoding/json"

// Object calls member with the name and the value of each member of the object in a document, and
// reports whether the document is a JSON object. If it is not, member may have been called. The
// value is as in the document, without white space around it. Both alias the document, except a
// name with escapes.
func Object(document []byte, member func(name, value []byte)) bool {
	s := scanner{document: document}
	s.space()
	if !s.object(member) {
		return false
	}
	s.space()
	return s.at == len(document)
}

// Text returns the string that a value represents, and reports whether the value is a string.
func Text(value []byte) (text string, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	return string(unquoted(value)), true
}

// IsNull reports whether a value is null.
func IsNull(value []byte) bool { return string(value) == "null" }

// AppendName appends a member's name and a colon to an object.
func AppendName(object []byte, name string) []byte { return append(AppendText(object, name), ':') }

// AppendText appends a text to a document as a quoted JSON string.
func AppendText(document []byte, text string) []byte {
	if isPlain([]byte(text)) {
		return append(append(append(document, '"'), text...), '"')
	}
	quoted, _ := json.Marshal(text) // a string has no error
	return append(document, quoted...)
}

// unquoted returns the text of a valid JSON string. It leaves the rare cases, which are escapes and
// bytes that are not UTF-8, to encoding/json.
func unquoted(quoted []byte) []byte {
	if inner := quoted[1 : len(quoted)-1]; isPlain(inner) {
		return inner
	}
	var decoded string
	_ = json.Unmarshal(quoted, &decoded) // it is valid
	return []byte(decoded)
}
