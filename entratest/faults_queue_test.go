package entratest_test

import (
	"net/http"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestFault_QueuesUpAndEnds(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	keys := s.Authority + "/discovery/v2.0/keys"
	s.Fault(entratest.Keys, entratest.Fault{Times: 2, Status: 429, Body: "slow down", Header: http.Header{"Retry-After": {"60"}}})
	s.Fault(entratest.Keys, entratest.Fault{Status: 503, Body: "<html>"})
	for i, want := range []int{429, 429, 503, 503, 503} {
		if got := get(t, s, keys); got.StatusCode != want || (want == 429) != (got.Header.Get("Retry-After") == "60") {
			t.Errorf("request %d: %d %v", i, got.StatusCode, got.Header)
		}
	}
	if got := get(t, s, s.Authority+"/v2.0/.well-known/openid-configuration").StatusCode; got != 200 {
		t.Errorf("another endpoint gives %d", got)
	}
	s.ClearFaults()
	if got := get(t, s, keys).StatusCode; got != 200 {
		t.Errorf("after ClearFaults: %d", got)
	}
	if got := s.Requests(entratest.Keys)[0].Status; got != 429 || s.Count(entratest.Keys) != 6 {
		t.Errorf("recorded %d", got)
	}
}
