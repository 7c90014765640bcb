package fibermsal_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
)

func TestF6_EveryActionLeavesAnAuditRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		s := newSite(t, newIDP(t), onLedger(l))
		events := func() (names []string) {
			for line := range strings.Lines(s.log.String()) {
				if strings.Contains(line, `"msg":"audit"`) {
					_, rest, _ := strings.Cut(line, `"event":"`)
					name, _, _ := strings.Cut(rest, `"`)
					names = append(names, name)
				}
			}
			return names
		}
		expect := func(event string, do func()) {
			t.Helper()
			before := len(events())
			do()
			if got := events()[before:]; len(got) != 1 || got[0] != event {
				t.Errorf("%v, want %s", got, event)
			}
		}
		b := s.browser()
		response := b.approve(b.start(""), adele)
		expect("signed_in", func() { b.Send(response.Request()) })
		expect("sign_in_refused", func() { b.Send(response.Request()) }) // again
		tenant, id := userOf(t, b)
		expect("offline_access", func() { _, _ = s.auth.UserByID(t.Context(), tenant, id) })
		s.idp.Revoke(adele)
		time.Sleep(3 * time.Hour)
		expect("refresh_failed", func() { b.Get("/token") })
		expect("session_ended", func() {
			_, _ = s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{TenantID: tenant, UserID: id})
		})
		b.signIn(adele)
		expect("signed_out", func() { b.Send(request(http.MethodPost, "/user/logout", "")) })
		b.signIn(adele)
		l.change(func(values map[string][]byte) { values[l2key(values)][20] ^= 1 })
		expect("seal_mismatch", func() { b.Get("/user/info") })
		for _, name := range []string{b.session()} {
			if name != "" && strings.Contains(s.log.String(), name) {
				t.Error("the session's cookie is in the log")
			}
		}
	})
}

// l2key is the key of the only session; the ledger is locked.
func l2key(values map[string][]byte) string {
	for key := range values {
		if strings.HasSuffix(key, ":s") {
			return key
		}
	}
	return ""
}
