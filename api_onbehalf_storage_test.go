package fibermsal_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// calleeOf returns an API with a ledger, and the tokens of two users for whom it has called Graph.
func calleeOf(t *testing.T, l *ledger) (s apiSite, ofAdele, ofAlex string) {
	t.Helper()
	s = newCallee(t, newIDP(t, entratest.WithAPI(ownAPI(2))), onLedger(l))
	ofAdele, ofAlex = s.idp.Issue(adele, apiScope), s.idp.Issue(alex, apiScope)
	s.serves(ofAdele)
	if a := s.call("/api/graph", ofAlex); a.Text != alex {
		t.Fatalf("%d %s", a.StatusCode, a.Text)
	}
	return s, ofAdele, ofAlex
}

func TestE13_RecordsOnBehalfOfCallersAreSealed(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s, _, _ := calleeOf(t, l)
	if len(l.keys()) != 2 {
		t.Fatalf("%v is stored", l.keys())
	}
	l.change(func(values map[string][]byte) {
		for key, value := range values {
			for _, clear := range append(s.idp.Secrets(), adele, alex, "User.Read", "token") {
				if strings.Contains(key, clear) || bytes.Contains(value, []byte(clear)) {
					t.Errorf("the record contains %q", clear)
				}
			}
		}
	})
}

// A record can only be used for its own caller and its own token, because tokens of users must never be
// mixed up (threats E2, E13).
func TestE13_RecordsOnBehalfOfCallersOpenInTheirPlaceOnly(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(first, second []byte) (newFirst, newSecond []byte){
		"swapped":   func(a, b []byte) ([]byte, []byte) { return b, a },
		"copied":    func(a, _ []byte) ([]byte, []byte) { return a, a },
		"cut short": func(a, b []byte) ([]byte, []byte) { return a[:len(a)-1], b[:len(b)/2] },
		"changed": func(a, b []byte) ([]byte, []byte) {
			a[len(a)-20] ^= 1
			return a, bytes.ToUpper(b)
		},
		"nonsense": func(_, _ []byte) ([]byte, []byte) { return []byte("{}"), []byte(`{"token":"x"}`) },
		"removed":  func(_, _ []byte) ([]byte, []byte) { return nil, nil },
	} {
		l := newLedger()
		s, ofAdele, ofAlex := calleeOf(t, l)
		keys := l.keys()
		l.change(func(values map[string][]byte) {
			values[keys[0]], values[keys[1]] = change(slices.Clone(values[keys[0]]), slices.Clone(values[keys[1]]))
		})
		other := newCallee(t, s.idp, onLedger(l)) // which remembers nothing
		for range 3 {
			other.serves(ofAdele)
			if a := other.call("/api/graph", ofAlex); a.Text != alex {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
			}
		}
		if reported := strings.Contains(other.log.String(), "seal_mismatch"); !reported && name != "removed" && name != "nonsense" {
			t.Errorf("%s: not reported\n%s", name, other.log)
		}
		if calls := len(exchanges(s.idp)); calls > 4 || calls < 3 {
			t.Errorf("%s: %d token calls", name, calls)
		}
	}
}

// The figures are those of a storage that answers at once.
func TestOnBehalf_TheStorageIsReadOncePerInstance(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s, ofAdele, _ := calleeOf(t, l)
	gets, sets := l.count()
	for range 100 {
		s.serves(ofAdele)
	}
	if g, w := l.count(); g != gets || w != sets {
		t.Errorf("%d reads and %d writes for 100 calls", g-gets, w-sets)
	}
	other := newCallee(t, s.idp, onLedger(l))
	for range 100 {
		other.serves(ofAdele)
	}
	if g, w := l.count(); g != gets+1 || w != sets {
		t.Errorf("another instance: %d reads and %d writes", g-gets, w-sets)
	}
	t.Logf("%d reads and %d writes for two callers", gets, sets)
}

// A process whose cache no longer contains a caller finds the token in every kind of storage.
func TestOnBehalf_EveryStorageKeepsTheToken(t *testing.T) {
	for name, storage := range storages(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp, scope := newRegisteredAPI(t)
			s := newCallee(t, idp, storage(t))
			token := idp.Issue(adele, scope)
			for range 3 {
				if answers := storm("/api/graph", token, adele, s); answers[200] != 50 || len(exchanges(idp)) != 1 {
					t.Errorf("%v, %d token calls\n%s", answers, len(exchanges(idp)), s.log)
				}
				forgetCallers(s.auth)
			}
		})
	}
}

func TestOnBehalf_WorksWithoutTheStorage(t *testing.T) {
	for name, fail := range map[string]func(*ledger){
		"down":      func(l *ledger) { l.fail(true, true) },
		"read only": func(l *ledger) { l.fail(false, true) },
		"panics":    func(l *ledger) { l.panics = true; l.fail(true, true) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLedger()
				idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
				s, other := newCallee(t, idp, onLedger(l)), newCallee(t, idp, onLedger(l))
				fail(l)
				token := idp.Issue(adele, apiScope)
				began := time.Now()
				answers := storm("/api/graph", token, adele, s, other)
				took, calls := time.Since(began), len(exchanges(idp))
				t.Logf("answers by status: %v after %v, %d token calls", answers, took, calls)
				if answers[200] != 100 || calls != 2 || took > 0 {
					t.Errorf("want 100 times 200 at once, 2 token calls\n%s", s.log)
				}
				l.fail(false, false)
				time.Sleep(10 * time.Second)
				answers = storm("/api/graph", token, adele, s, other)
				if calls := len(exchanges(idp)); answers[200] != 100 || calls != 2 {
					t.Errorf("once the storage is back: %v, %d token calls", answers, calls)
				}
			})
		})
	}
}

// The storage fails while Entra is called.
func TestOnBehalf_TheStorageIsLostDuringAnExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
		s := newCallee(t, idp, onLedger(l))
		idp.Fault(entratest.Token, entratest.Fault{Delay: 2 * time.Second})
		time.AfterFunc(time.Second, func() { l.fail(true, true) })
		token := idp.Issue(adele, apiScope)
		if answers := storm("/api/graph", token, adele, s); answers[200] != 50 || len(exchanges(idp)) != 1 {
			t.Errorf("%v, %d token calls", answers, len(exchanges(idp)))
		}
		time.Sleep(time.Hour) // the instance remembers it
		if answers := storm("/api/graph", token, adele, s); answers[200] != 50 || len(exchanges(idp)) != 1 {
			t.Errorf("an hour later: %v, %d token calls", answers, len(exchanges(idp)))
		}
	})
}

// Stored failures expire when the pause ends, and never after the assertion.
func TestE9_RecordsOnBehalfOfCallersExpireInTime(t *testing.T) {
	for name, row := range map[string]struct {
		fault       entratest.Fault
		left, lives time.Duration // of the assertion, of the record
	}{
		"a token":                 {entratest.Fault{}, time.Hour, time.Hour},
		"a token, late":           {entratest.Fault{}, 5 * time.Second, 5 * time.Second},
		"a token, too late":       {entratest.Fault{}, 900 * time.Millisecond, 0},
		"no consent":              {entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Suberror: "consent_required", Codes: []int{65001}}}, time.Hour, 30 * time.Second},
		"revoked":                 {entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{50173}}}, time.Hour, 10 * time.Minute},
		"revoked, late":           {entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{50173}}}, time.Minute, time.Minute},
		"throttled":               {entratest.Fault{Status: 429, Header: map[string][]string{"Retry-After": {"120"}}}, time.Hour, 2 * time.Minute},
		"down, which others find": {entratest.Fault{Drop: true}, time.Hour, 0},
		"the app is rejected":     {entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_client", Codes: []int{7000215}}}, time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLedger()
				idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
				s := newCallee(t, idp, onLedger(l))
				token := idp.Issue(adele, apiScope)
				time.Sleep(75*time.Minute - row.left)
				idp.Fault(entratest.Token, row.fault)
				s.call("/api/graph", token)
				life := l.lives[l.key("t")]
				if life > row.lives || row.lives-life > time.Second {
					t.Errorf("stored for %v, want %v", life, row.lives)
				}
			})
		})
	}
}

// A process with other keys cannot read the record. It exchanges the assertion itself, and does not
// disturb the first process.
func TestE5_KeysOfInstancesDiffer(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s, ofAdele, _ := calleeOf(t, l)
	other := newCallee(t, s.idp, func(cfg *fibermsal.Config) { cfg.Storage, cfg.Keys = l, [][]byte{testKey(2)} })
	for range 10 {
		other.serves(ofAdele)
		s.serves(ofAdele)
	}
	if calls := len(exchanges(s.idp)); calls != 3 {
		t.Errorf("%d token calls", calls)
	}
}
