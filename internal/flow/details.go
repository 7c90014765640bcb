package flow

// details are the variable part of a state.
type details struct {
	// ReturnTo is the path to return to. Page is the name of the page that requires the sign-in, if it
	// has another path.
	ReturnTo string `json:"r,omitempty"`
	Page     string `json:"p,omitempty"`
	// Requirements are the requirements that the sign-in must satisfy.
	Requirements Requirements `json:"k,omitzero"`
	// Slot is the number of the cookie that contains the path because it did not fit, or 0.
	Slot int `json:"c,omitempty"`
}
