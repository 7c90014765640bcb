package rawjson_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/rawjson"
)

// documents are a few of each kind of mistake and of each kind of value.
var documents = []string{
	`{}`, ` { } `, `{"a":1}`, "{\n\t\"a\" : [ 1 , \"x\" , { } , [ ] ] ,\r\n \"b\":null}", `{"a":1,"a":2}`, `{"a":true,"b":false,"c":null}`,
	`{"a":0,"b":-0,"c":1.5,"d":1e9,"e":-1.25E-7,"f":1e+3}`, `{"\u0061":"\ud83d\ude00","\"":"\\"}`, "{\"\u00e4\":\"\u00e4\"}", "{\"\xff\":\"\xff\"}",
	`{"long name of a member":"a text that is longer than eight bytes, with \"quotes\" and \\ in it"}`,
	``, ` `, `null`, `[]`, `"a"`, `1`, `{`, `}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1}}`, `{"a":1} x`, `{"a":1 "b":2}`, `{a:1}`, `{'a':1}`,
	`{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":+1}`, `{"a":-}`, `{"a":1e}`, `{"a":1e+}`, `{"a":tru}`, `{"a":nul}`, `{"a":truefalse}`,
	`{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, `{"a":"`, `{"a":"\`, `{"a":"\u`, "{\"a\":\"\x00\"}", "{\"a\":\"\n\"}", "{\"a\":\"1234567\x1f\"}",
	`{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1 2]}`, `{"a":[}`, `{"a":[`, `{"a":{"b":}}`,
	`{"a":` + strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999) + `}`,
	`{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`,
}

func TestObject_AcceptsWhatEncodingJSONAccepts(t *testing.T) {
	t.Parallel()
	for _, document := range documents {
		checkObject(t, document)
	}
}

func FuzzObject(f *testing.F) {
	for _, document := range documents {
		if len(document) < 1000 { // deep ones would slow it down
			f.Add(document)
		}
	}
	f.Fuzz(checkObject)
}

func checkObject(t *testing.T, document string) {
	t.Helper()
	var want map[string]json.RawMessage
	err := json.Unmarshal([]byte(document), &want)
	got := make(map[string]json.RawMessage)
	ok := rawjson.Object([]byte(document), func(name, value []byte) { got[string(name)] = value })
	if wantOK := err == nil && want != nil; ok != wantOK { // null is no object
		t.Fatalf("%.100q: %v, want %v (%v)", document, ok, wantOK, err)
	}
	if !ok {
		return
	}
	if !maps.EqualFunc(got, want, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
		t.Errorf("%.100q: %q, want %q", document, got, want)
	}
	again := []byte{'{'}
	for name, value := range got {
		if len(again) > 1 {
			again = append(again, ',')
		}
		again = append(rawjson.AppendName(again, name), value...)
		checkText(t, value)
	}
	var read map[string]json.RawMessage
	if err := json.Unmarshal(append(again, '}'), &read); err != nil || len(read) != len(got) {
		t.Errorf("%.100q: %v, written as %q", document, err, again)
	}
}

func checkText(t *testing.T, value []byte) {
	t.Helper()
	var want any
	if err := json.Unmarshal(value, &want); err != nil {
		t.Fatal(err)
	}
	wantText, wantOK := want.(string)
	if text, ok := rawjson.Text(value); ok != wantOK || text != wantText {
		t.Errorf("%.100q: %q, %v", value, text, ok)
	}
	if rawjson.IsNull(value) != (want == nil) {
		t.Errorf("%.100q is null, or is not", value)
	}
}
