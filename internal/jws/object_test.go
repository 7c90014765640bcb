package jws_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/jws"
)

var objects = map[string]bool{
	`{}`: true, ` { } `: true, `{"a":1}`: true, "\t{\"a\" :\n1 ,\r\"b\":\"c\"}": true,
	`{"a":[1,{"b":[]}],"c":{"d":"}"},"e":"\"]","f":"\\","g":null,"h":-1.5e3,"i":true}`: true,
	`{"a":"\u00e4","\u0061b":"ä"}`: true, `{"":1}`: true, `{"a":{"b":1,"b":2}}`: true, // members of members are not claims
	`{"a":1,"A":2}`: true, `{"a":"` + "\u00a0" + `"}`: true, `{"a":[],"b":{}}`: true, `{"a":[[[[]]]],"b":0}`: true,
	`{"a":1,"a":1}`: false, `{"a":1,"\u0061":2}`: false, `{"\ud800":1,"\ud801":2}`: false, "{\"\xff\":1,\"\xfe\":2}": false,
	`{"":1,"":2}`: false, `{"a":1,"b":2,"c":3,"a":4}`: false,
	``: false, ` `: false, `null`: false, `[]`: false, `"a"`: false, `1`: false, `{`: false, `{"a"}`: false, `{"a":1,}`: false,
	`{"a":1}{}`: false, `{"a":1} x`: false, `{a:1}`: false, `{"a":01}`: false, `{"a":1 "b":2}`: false, "\ufeff{}": false, `{"a":'b'}`: false,
	`{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`: false, // deeper than encoding/json goes
}

func TestMembers_AreThoseOfEncodingJSON(t *testing.T) {
	t.Parallel()
	for text, valid := range objects {
		if err := jws.Object(text).Members(func(_, _ []byte) {}); (err == nil) != valid {
			t.Errorf("%.60q: %v", text, err)
		}
		compareMembers(t, []byte(text))
	}
}

func FuzzMembers(f *testing.F) {
	for text := range objects {
		f.Add([]byte(text))
	}
	f.Fuzz(compareMembers)
}

// compareMembers compares members with encoding/json.
func compareMembers(t *testing.T, text []byte) {
	t.Helper()
	want, distinct := decodeMembers(text)
	got := map[string]string{}
	err := jws.Object(text).Members(func(name, value []byte) { got[string(name)] = string(value) })
	if (err == nil) != distinct {
		t.Fatalf("%.200q: %v, encoding/json finds distinct members: %v", text, err, distinct)
	}
	if err != nil {
		return
	}
	if len(got) != len(want) {
		t.Fatalf("%.200q: %v, want %v", text, got, want)
	}
	for name, value := range want {
		if got[name] != string(value) {
			t.Fatalf("%.200q: %q is %q, want %q", text, name, got[name], value)
		}
	}
}

// decodeMembers returns the members of an object, and reports whether it is one whose members have different
// names.
func decodeMembers(object []byte) (all map[string]json.RawMessage, distinct bool) {
	if json.Unmarshal(object, &all) != nil || all == nil {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		return nil, false
	}
	count := 0
	for ; d.More(); count++ {
		var value json.RawMessage
		if _, err := d.Token(); err != nil || d.Decode(&value) != nil {
			return nil, false
		}
	}
	return all, count == len(all)
}
