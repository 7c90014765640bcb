package accesstoken

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// read returns the members of an object, or nil if it is refused.
func read(text string) map[string]any {
	o, err := parse([]byte(text))
	if err != nil {
		return nil
	}
	all := map[string]any{}
	err = o.members(func(name, value string) {
		var decoded any
		if json.Unmarshal([]byte(value), &decoded) != nil {
			decoded = "not JSON: " + value
		}
		all[name] = decoded
	})
	if err != nil {
		return nil
	}
	return all
}

func TestMembers_AreThoseOfEncodingJSON(t *testing.T) {
	t.Parallel()
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf(`"c%d":%d`, i, i)
	}
	for _, text := range []string{
		`{}`, ` { } `, `{"a":1}`, "\t{\n\"a\" :\r [1, {\"b\":\"}\"}] , \"c\": null }\n", `{"a":"\"}","b":{"a":[],"b":{}}}`,
		`{"\u0061":"\u00e9\\","é":true,"":-1.5e3}`, "{" + strings.Join(many, ",") + "}", "{\"a\":\"\xff\",\"\xff\":1}",
	} {
		var want map[string]any
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if got := read(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestMembers_OfOneNameAreRefused(t *testing.T) {
	t.Parallel()
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf(`"c%d":%d`, i, i)
	}
	for _, text := range []string{
		`{"a":1,"a":1}`, `{"a":1,"\u0061":2}`, `{"a":1,"b":{"a":1},"a":2}`,
		"{" + strings.Join(many, ",") + `,"c3":0}`, "{" + strings.Join(many, ",") + `,"c99":0}`,
		``, ` `, `[]`, `"a"`, `{`, `{"a"}`, `{"a":1}x`, `{"a":1,}`, `null`,
	} {
		if got := read(text); got != nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func FuzzMembers(f *testing.F) {
	f.Add(`{"a":[1,"}"],"b":{"c":null}}`)
	f.Fuzz(func(t *testing.T, text string) {
		got := read(text)
		var want map[string]any
		if err := json.Unmarshal([]byte(text), &want); got != nil && (err != nil || !reflect.DeepEqual(got, want)) {
			t.Errorf("%q: %v, want %v (%v)", text, got, want, err)
		}
	})
}
