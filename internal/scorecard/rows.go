package main

import (
	"regexp"
	"strings"
)

// row is a line of the scorecard.
type row struct {
	id, what, target string
	tests            []selection
	limits           []limit // beside what its tests assert
	bars             names   // of the chart, if they are not the first that ours and the naive app have in common
	command          string  // that repeats it, if it is none of tests
	why              string  // why it has no figure here, or what a reader has to know about it
}

// selection is tests of a package, by the beginning of their names.
type selection struct{ dir, prefix string }

// matches reports whether a test is one of them.
func (s selection) matches(dir, test string) bool {
	return dir == s.dir && strings.HasPrefix(test, s.prefix)
}

// command returns what runs the tests.
func (s selection) command() string {
	run := "go test -count=1 -v -run '^" + s.prefix + "' "
	if s.dir == endToEnd {
		return "(cd " + endToEnd + " && " + run + ".)"
	}
	if s.dir == "." {
		return run + "."
	}
	return run + "./" + s.dir
}

// names are the beginnings of the names of two figures that are about the same.
type names struct{ ours, naive string }

// limit is a target that is stricter than what the tests assert, because a machine may be busy.
type limit struct {
	name string // the beginning of a figure's name
	most string // a value, such as "600ms"
}

const (
	endToEnd = "e2e"
	naiveDir = "internal/naive"
	modelDir = "internal/sessionmodel"
)

// rows are the lines of the scorecard. What their targets are is asserted by their tests, in a tenth of the
// repetitions if the size is small, or here by limits.
var rows = []row{
	{
		id: "R1", what: "Answers and tokens of other users, with many users at once on two processes",
		target: "0; the full size checks a million", tests: []selection{{endToEnd, "TestH1_"}, {".", "TestH1_"}, {"graph", "TestH2_"}},
		bars: names{"foreign answers", "foreign answers"},
	},
	{
		id: "R2", what: "Foreign answers while replies of Redis are swapped, cancelled and late",
		target: "0", tests: []selection{{".", "TestG6_"}, {"internal/record", "TestG6_"}},
	},
	{
		id: "R3", what: "Redis killed with -9 under load, and started again",
		target: "0 sign-ins lost, 0 sign-outs; first answer within 250 ms", tests: []selection{{endToEnd, "TestG2_"}, {".", "TestG2_"}},
		limits: []limit{{"first answer after Redis is back", "250ms"}},
		why:    "In these tests, Redis writes to disk before it replies (appendfsync always).",
	},
	{
		id: "R4", what: "Redis accepts connections and is silent", target: "p99 of 500 requests within 600 ms, no goroutines stay",
		tests: []selection{{".", "TestG3_"}}, limits: []limit{{"p99", "600ms"}},
	},
	{
		id: "R5", what: "Redis is full (noeviction)", target: "0 acknowledged sign-ins lost; users stay, and can sign out",
		tests: []selection{{".", "TestG5_"}, {endToEnd, "TestG5_"}}, bars: names{"cookies given", "cookies given"},
	},
	{
		id: "R6", what: "Renewals by one instance", target: "1 token call for each expiry",
		tests: []selection{{".", "TestG10_"}}, limits: []limit{{"token calls", "1"}},
	},
	{
		id: "R7", what: "Renewals by two processes, also beside a slow Entra", target: "1 token call for each expiry, 0 requests fail",
		tests: []selection{{endToEnd, "TestG11_"}, {".", "TestG11_"}}, limits: []limit{{"token calls", "1"}, {"requests that failed", "0"}},
		bars: names{"token calls of 100 requests in two processes, slow", "token calls of 100 requests on two instances, slow"},
	},
	{
		id: "R8", what: "The process that holds the lock is stopped", target: "0 overwritten sessions, 0 requests fail",
		tests: []selection{{endToEnd, "TestG12_"}, {".", "TestG12_"}, {"internal/record", "TestG12_"}},
	},
	{
		id: "R9", what: "Revoked refresh tokens, and an Entra that throttles", target: "1 call of each process",
		tests: []selection{{".", "TestG15_"}, {".", "TestG16_"}, {endToEnd, "TestG16_"}}, limits: []limit{{"token calls", "2"}},
	},
	{
		id: "R10", what: "Redis fails just when renewed tokens have to be stored", target: "0 errors; stored within 5 s of the recovery",
		tests: []selection{{".", "TestG14_"}},
	},
	{
		id: "R11", what: "Sign-outs beside renewals on another instance", target: "0 sessions come back",
		tests: []selection{{".", "TestD8_"}},
	},
	{
		id: "R12", what: "A hundred renewals of one session at once in two processes", target: "0 tokens lost",
		tests: []selection{{endToEnd, "TestD9_"}, {".", "TestD9_ConcurrentRenewals"}},
		bars:  names{"tokens lost", "tokens lost"},
	},
	{
		id: "R13", what: "Sign-ins in a browser whose other tabs poll", target: "0 lost", tests: []selection{{".", "TestD9_Callbacks"}},
	},
	{
		id: "R14", what: "Calls for the OpenID configuration and the keys", target: "1 and 1, however many sessions", tests: []selection{{".", "TestG17_"}},
	},
	{
		id: "R15", what: "A flood of visitors: sign-ins and made-up callbacks", target: "0 keys in Redis, 0 calls to Entra, at most 10 MB",
		tests: []selection{{".", "TestG26_"}}, limits: []limit{{"keys in Redis", "0"}, {"calls to Entra", "0"}, {"memory that stays", "10MB"}},
		bars: names{"keys in Redis", "keys in Redis"},
	},
	{
		id: "R16", what: "Processes killed with -9 at any point", target: "0 broken sessions", tests: []selection{{endToEnd, "TestG20_"}, {".", "TestG20_"}},
	},
	{
		id: "R17", what: "Bad input: the OpenID conformance suite's tests, return paths, callbacks", target: "as specified in every case",
		tests: []selection{{".", "TestConformance_RelyingParty"}, {".", "TestC1_"}, {endToEnd, "TestC1_"}, {".", "TestA12_"}, {".", "TestA1_"}},
		why:   "[Conformance](conformance.md) lists the tests of the suite.",
	},
	{
		id: "R18", what: "Fuzzing", target: "0 inputs that crash", command: "make fuzz", limits: []limit{{"targets without", "0%"}},
		why: "`make fuzz FUZZTIME=30m` runs for a night and tries about ten million inputs per target.",
	},
	{
		id: "R19", what: "Secrets in logs, errors, answers and Redis", target: "0",
		tests: []selection{{endToEnd, "TestH1_AThousand"}, {".", "TestF1_"}, {".", "TestE1_"}}, bars: names{"pieces of secrets found", "secrets found"},
		why: "In addition, each test with a sign-in searches its log and its responses for secrets.",
	},
	{
		id: "R20", what: "Goroutines and connections that faults leave behind", target: "0, but for five that come and go", tests: []selection{{endToEnd, "TestG28_"}},
		limits: []limit{{"goroutines", "5"}, {"file descriptors", "5"}},
	},
	{
		id: "R21", what: "Histories and a week in virtual time, with outages, deploys, key rotations and revocations", target: "0 violations, 0 sign-outs by faults",
		tests: []selection{{modelDir, "TestModel_"}, {modelDir, "TestHistory_"}, {modelDir, "TestWeek"}},
		why:   "For memory with many sessions, see G24 below.",
	},
	{
		id: "R22", what: "Sign-outs on one instance, as another one knows them", target: "0 requests served that begin later", tests: []selection{{".", "TestG25_"}},
	},
	{
		id: "R23", what: "Race detector", target: "0 reports", command: "make test",
		why: "`make test` runs all tests with it and fails if it reports a race. It is not used here, because it would slow down what is measured.",
	},
	{
		id: "R24", what: "Checks that are removed from the code, one by one (mutants)", target: "all are noticed by a test", command: "go run ./internal/mutants",
	},
	{
		id: "R25", what: "Supply chain: hashes and licences of the dependencies", target: "all as go.sum has them, all licences allowed", command: "make supply",
		why: "`make vuln` looks up known vulnerabilities at vuln.go.dev.",
	},
}

// commands returns what repeats a row.
func (r row) commands() (all []string) {
	if r.command != "" {
		return []string{r.command}
	}
	for _, s := range r.tests {
		all = append(all, s.command())
	}
	return all
}

// has reports whether a test belongs to the row.
func (r row) has(dir, test string) bool {
	for _, s := range r.tests {
		if s.matches(dir, test) {
			return true
		}
	}
	return false
}

// wanted are the tests that are run: those of threats and of rows.
const wanted = `^Test([A-H][0-9]+_|Conformance_RelyingParty|Model_|History_|Week$|API_|OnBehalf_)`

// ofThreat finds the threat that the name of a test begins with.
var ofThreat = regexp.MustCompile(`^Test([A-H][0-9]+)_`)
