package main

import "strings"

// held says what holds a promise of docs/security-model.md that is not in the table of threats.
type held struct {
	begins  string   // the promise
	threats []string // whose tests hold it
	rows    []string // of the scorecard, that measure it
	why     string   // why neither does, or what they leave open
}

// holders are what holds the promises. Those of the table about tokens of clients name their threats themselves.
var holders = []held{
	{begins: "The authorization code flow runs with PKCE", threats: []string{"A1", "A2", "A3", "A6", "A8"}, rows: []string{"R17"}},
	{begins: "The ID token is verified in full", threats: []string{"B1", "B2", "B3", "B4", "B5", "B6", "B7"}, rows: []string{"R17", "R24"}},
	{begins: "Every sign-in creates a session with a new ID", threats: []string{"D1", "D3", "D4", "D6"}},
	{begins: "Records are sealed with AES-256-GCM", threats: []string{"E1", "E2", "E4", "E5"}},
	{begins: "Tokens, codes, secrets and cookies appear in no log", threats: []string{"A14", "F1", "F2", "F4"}, rows: []string{"R19"}},
	{begins: "Users are identified by tenant and object ID", threats: []string{"B7", "B8", "B9"}, rows: []string{"R1"}},

	{begins: "an anonymous visitor", threats: []string{"A15", "G26"}, rows: []string{"R15"}},
	{begins: "a signed-in user", threats: []string{"C7", "H1", "H2"}, rows: []string{"R1"}},
	{begins: "another website in the user's browser", threats: []string{"A2", "A15", "C4", "C10", "C12"}},
	{begins: "someone who can read the storage", threats: []string{"E1", "E7"}, rows: []string{"R19"}},
	{begins: "someone who can write the storage", threats: []string{"E2", "E4", "E11"}, rows: []string{"R2"}},
	{begins: "someone who has the key ring and the storage", why: "The model promises nothing about them, so there is nothing to measure."},
	{begins: "Entra", threats: []string{"B4"}},

	{begins: "Restoring an old copy of the storage", why: "This is a limit: a record cannot show that the storage has lost a newer one."},
	{begins: "On a storage other than Redis", threats: []string{"D8", "A3"}, why: "The tests cover Redis, and a single process on other storages. The limit itself is not measured."},
	{begins: "A sign-out during an outage of the storage", threats: []string{"D10"}},
	{begins: "While made-up codes arrive", threats: []string{"G26"}, why: "The number of sign-ins that fail depends on the rate of the codes, so the tests only check the bound."},
	{begins: "A front-channel sign-out ends the sessions that exist", why: "This is a limit. The sign-outs are tested, but not how often a sign-in is in progress at that moment."},
	{begins: "Sessions of versions that did not record their redirect URI", threats: []string{"E13"}, why: "The tests cover sessions with a redirect URI. Sessions of earlier versions expire."},
	{begins: "Entra confirms an authentication context", why: "This is a limit of Entra, which tests against the emulator cannot show."},
	{begins: "fmt prints the fields of a", threats: []string{"F4"}, why: "The tests cover all other ways to print it."},
	{begins: "Without `Config.Keys`", why: "This is a limit: a key next to the file only protects copies of the file."},
	{begins: "A stolen session cookie works until the session ends", threats: []string{"D4", "D7", "D11"}, why: "The tests check that the session ends and that scripts cannot read the cookie. How a cookie is stolen is outside the model."},
}

// holderOf returns what holds a promise, and false if nothing does.
func holderOf(p promise) (best held, ok bool) {
	for _, h := range holders {
		if strings.HasPrefix(p.text, h.begins) && len(h.begins) > len(best.begins) {
			best = h
		}
	}
	if best.begins == "" {
		best = held{begins: p.text, threats: p.threats}
	}
	return best, len(best.threats) > 0 || len(best.rows) > 0 || best.why != ""
}

// Sentences about threats whose tests report no figure.
const (
	everyInput   = "Each case is one response, request or sign-in with one right answer, so the number of cases is the figure."
	everyToken   = "Each case is one odd token, and all have to be refused. The suite's are counted in R17, and removed checks in R24."
	everyRequest = "Each case is one request of another site or by an odd URL, and is answered rightly or not."
	everyRecord  = "Each case is one record that was moved, changed or read, and opens or does not."
	everyFault   = "Each case is one fault, and has to end as the table of the security model says."
	everyLife    = "Each case is one session's life in virtual time, and ends when it has to."
	everyText    = "Each case is one text that is searched for secrets, of which none may be there. R19 counts them."
	everyCopy    = "Each case is one value that the handler keeps, and is still right after the request."
	everyConfig  = "Each case is one configuration, and is refused or works."
)

// unmeasured are the threats without a figure, and why.
var unmeasured = map[string]string{
	"A1": everyInput, "A2": everyInput, "A3": everyInput, "A4": everyInput, "A5": everyInput, "A6": everyInput, "A7": everyInput, "A8": everyInput,
	"A9": everyInput, "A10": everyInput, "A11": everyInput, "A13": everyInput, "A14": everyText, "A15": everyRequest, "A16": everyRequest, "A17": everyConfig,
	"B1": everyToken, "B2": everyToken, "B3": everyToken, "B4": everyToken, "B5": everyToken, "B6": everyToken, "B7": everyToken, "B8": everyToken,
	"B9": everyToken, "B10": everyInput, "B11": everyToken, "B12": everyToken, "B13": everyConfig, "B14": everyRequest, "B15": everyInput,
	"C2": everyInput, "C3": everyRequest, "C4": everyRequest, "C5": everyRequest, "C6": everyRequest, "C7": everyText, "C8": everyRequest, "C9": everyInput,
	"C10": everyRequest, "C11": everyRequest, "C12": everyRequest,
	"D1": everyLife, "D2": everyInput, "D3": everyInput, "D4": everyInput, "D5": everyInput, "D7": everyLife, "D10": everyFault, "D11": everyLife,
	"D13": everyLife, "D14": everyRecord,
	"E1": everyRecord, "E2": everyRecord, "E4": everyRecord, "E5": everyLife, "E6": everyRecord, "E7": everyRecord, "E8": everyConfig, "E9": everyRecord,
	"E10": everyRecord, "E11": everyRecord, "E12": everyLife, "E13": everyRecord,
	"F1": everyText, "F2": everyText, "F3": everyText, "F4": everyText, "F6": "Each case is one action, and leaves one audit record.",
	"G9": everyFault, "G13": everyFault, "G22": everyFault, "G23": everyFault,
	"H2": everyCopy, "H3": everyInput, "H4": "Reads are counted, and there has to be one for each request.",
}
