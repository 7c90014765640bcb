package graph_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

func TestAnswers_AreLimitedInSize(t *testing.T) {
	t.Parallel()
	endless := func() io.Reader { return io.MultiReader(strings.NewReader(`{"displayName":"`), endlessBody{}) }
	for name, fault := range map[string]entratest.Fault{
		"endless object": {BodyFrom: endless, Header: http.Header{"Content-Type": {"application/json"}}},
		"endless error":  {Status: 400, BodyFrom: endless, Header: http.Header{"Content-Type": {"application/json"}}},
		"known length":   {Body: `{"displayName":"` + strings.Repeat("a", 8<<20) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			b := s.signIn(t, adele)
			s.entra.Fault(entratest.GraphMe, fault)
			if e := asError(t, b.failure(me)); !errors.Is(e, graph.ErrBadAnswer) || e.Reason != "too_large" {
				t.Errorf("got %v, reason %q", e, e.Reason)
			}
		})
	}
}

type endlessBody struct{}

func (endlessBody) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}
