package fibermsal_test

import (
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
)

func TestDoctor_FindsFaultsOfTheStorage(t *testing.T) {
	t.Parallel()
	expectFaults(t, map[string]doctorFault{
		"memory in production": {"warning storage", func(d *doctorTest) { d.cfg.Storage, d.cfg.Keys = nil, nil }},
		"storage fails":        {"error storage", func(d *doctorTest) { d.ledger().failSet = true }},
		"storage forgets":      {"error storage", func(d *doctorTest) { d.cfg.Storage = forgetful{d.ledger()} }},
	})
}

// forgetful is a storage that does not store anything.
type forgetful struct{ *ledger }

func (forgetful) Set(string, []byte, time.Duration) error { return nil }

func TestDoctor_FindsKeysThatDiffer(t *testing.T) {
	t.Parallel()
	expectFaults(t, map[string]doctorFault{
		"keys that differ":       {"error keys", func(d *doctorTest) { d.beside(testKey(2)) }},
		"keys half replaced":     {"warning keys", func(d *doctorTest) { d.beside(testKey(1), testKey(2)) }},
		"keys replaced too soon": {"error keys", func(d *doctorTest) { d.beside(testKey(2), testKey(1)) }},
	})
}

func TestDoctor_ForgetsInstancesThatHaveEnded(t *testing.T) {
	t.Parallel()
	d := newDoctorTest(t)
	r := d.on()
	s := newSite(t, d.idp, func(cfg *fibermsal.Config) { cfg.Storage, cfg.Keys = d.cfg.Storage, [][]byte{testKey(2)} })
	s.browser().signIn(adele)
	d.expect("error keys")
	r.Dump() // fails if a key has no end
	if err := s.auth.Close(); err != nil {
		t.Error(err)
	}
	d.expect()
}
