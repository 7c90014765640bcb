package entratest_test

import (
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestRequests_RecordWhatWasSent(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	tokens(t, s, "adelev@contoso.com")
	got := s.Requests(entratest.Token)
	if len(got) != 1 {
		t.Fatalf("recorded %d", len(got))
	}
	if r := got[0]; r.Method != "POST" || r.Status != 200 || r.User != "AdeleV@contoso.com" || r.Form.Get("code_verifier") != verifier || r.URL.RawQuery != "" {
		t.Errorf("recorded %+v", r)
	}
	if all := s.Requests(); all[0].Endpoint != entratest.Authorize || all[len(all)-1].Endpoint != entratest.Token {
		t.Errorf("in order: %v", all)
	}
	if s.ResetRequests(); len(s.Requests()) != 0 {
		t.Error("ResetRequests left some")
	}
}
