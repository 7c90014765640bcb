package graph

import (
	"reflect"
	"testing"

	json "github.com/microsoft/kiota-serialization-json-go"
)

// The nodes are those of Kiota, and what it refuses is refused.
func FuzzJSONParser(f *testing.F) {
	for _, content := range []string{
		"", " ", "null", "true", "1", "-1.5e3", "1e999", "9007199254740993", `"a"`, `"\u00e4\ud83d\ude00\ud800"`, "\"\xff\"", "[]", "{}", "[null,[],{}]",
		`{"a":{"b":[1,"c",true,null]},"a":2,"":3}`, `{"a":1}{"b":2}`, `{"a":1} x`, `{"a":`, "[1,]", "\ufeff{}", `{"id":"1","businessPhones":["+1"],"mail":null}`,
	} {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content string) {
		for _, contentType := range []string{"application/json", "text/plain", ""} {
			want, wantErr := json.NewJsonParseNodeFactory().GetRootParseNode(contentType, []byte(content))
			got, err := newJSONParser().GetRootParseNode(contentType, []byte(content))
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("%q as %q: error %v, want %v", content, contentType, err, wantErr)
			}
			if err == nil && !reflect.DeepEqual(got, want) {
				t.Fatalf("%q: %#v, want %#v", content, got, want)
			}
		}
	})
}
