package flight_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/internal/flight"
)

func TestBegin_APanicIsAnErrorForEveryCaller(t *testing.T) {
	t.Parallel()
	var group flight.Group
	began, proceed := make(chan struct{}), make(chan struct{})
	first := group.Begin("key", func() (any, error) {
		close(began)
		<-proceed
		panic("of the app's code")
	})
	<-began
	second := group.Begin("key", func() (any, error) { return nil, errors.New("not joined") })
	close(proceed)
	for _, c := range []<-chan flight.Result{first, second} {
		if r := <-c; r.Err == nil || !strings.Contains(r.Err.Error(), "of the app's code") {
			t.Errorf("%v, %v", r.Val, r.Err)
		}
	}
	if r := <-group.Begin("key", func() (any, error) { return "again", nil }); r.Val != "again" || r.Err != nil {
		t.Errorf("after the panic: %v, %v", r.Val, r.Err)
	}
}
