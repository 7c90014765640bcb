package figure

// Fuzzed is what fuzzing a target has shown, as internal/fuzz prints it.
type Fuzzed struct {
	Package    string `json:"package"` // directory, from the root of the repository
	Target     string `json:"target"`
	Executions int    `json:"executions"`
	Failed     bool   `json:"failed,omitempty"`
}

// Mutant is a check that was removed from the code, as internal/mutants prints it.
type Mutant struct {
	ID     string `json:"id"`
	Check  string `json:"check"`
	Killed bool   `json:"killed"`
	By     string `json:"by"` // the first test that failed
}
