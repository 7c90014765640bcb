// Package figure is what tests, and the programs that fuzz and that remove checks, report for docs/scorecard.md.
package figure

import (
	"encoding/json"
	"testing"
)

// Key is the name of the attributes that hold figures in the output of go test -json.
const Key = "figure"

// Figure is what a test measured.
type Figure struct {
	Row   string `json:"row"`             // of the scorecard, such as R6, or a threat of docs/security-model.md, such as G24
	Name  string `json:"name"`            // what was measured, such as "token calls of 50 requests"
	Value string `json:"value"`           // such as "1" or "212 ms"
	Naive bool   `json:"naive,omitempty"` // whether it was measured on an app without fibermsal
}

// Report makes the figure part of the output of go test -json.
func Report(tb testing.TB, f Figure) {
	tb.Helper()
	text, err := json.Marshal(f)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Attr(Key, string(text))
}
