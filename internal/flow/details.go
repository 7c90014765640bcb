package flow

// details are what a state contains besides fixed fields.
type details struct {
	// ReturnTo is the path to return to. Page names the page that requires the sign-in if it
	// has another path.
	ReturnTo string `json:"r,omitempty"`
	Page     string `json:"p,omitempty"`
	// Requirements are those that the sign-in must satisfy.
	Requirements Requirements `json:"k,omitzero"`
	// Slot is the number of the cookie that the path is in because it did not fit, or 0.
	Slot int `json:"c,omitempty"`
}
