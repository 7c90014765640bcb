package redistest_test

import (
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestStartAhead_ChangesItsClock(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{48 * time.Hour, -time.Hour} {
		at, err := redistest.StartAhead(t, ahead).Client().Time(t.Context()).Result()
		if off := time.Until(at) - ahead; err != nil || off.Abs() > time.Minute {
			t.Errorf("it is %v, %v", at, err)
		}
	}
}
