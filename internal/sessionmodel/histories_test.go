package sessionmodel_test

import (
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/sessionmodel"
)

// An instance that had no requests since an outage answered 503 to the second of two requests at once, minutes after the
// outage: the first one was probing the storage.
func TestHistory_RequestsAtOnceAfterAnOutage(t *testing.T) {
	holds(t, sessionmodel.History{Seed: 18084531891621379451, Steps: []sessionmodel.Step{
		{After: 2 * time.Millisecond, Kind: sessionmodel.StorageDown, For: 20 * time.Minute},
		{After: time.Millisecond, Kind: sessionmodel.EndSessions, Instance: 1},
		{After: 8 * time.Second, Kind: sessionmodel.Token, Instance: 1, Browser: 1},
		{After: 4 * time.Millisecond, Kind: sessionmodel.Token, Instance: 1, Browser: 1},
		{After: 9 * time.Minute, Kind: sessionmodel.Visit, Instance: 1, Browser: 1},
		{After: 19 * time.Minute, Kind: sessionmodel.Token, Instance: 1, Browser: 2},
		{After: time.Millisecond, Kind: sessionmodel.Token, Instance: 1, Browser: 2},
	}})
}

// Renewals, sign-outs and faults at the same moment, which random histories found during development.
func TestHistory_OverlappingFaults(t *testing.T) {
	for name, steps := range map[string][]sessionmodel.Step{
		"a refused write during a renewal": {
			{After: 80 * time.Minute, Kind: sessionmodel.Visit, Browser: 2},
			{After: 66 * time.Minute, Kind: sessionmodel.Token, Instance: 1, Browser: 2},
			{After: 16 * time.Millisecond, Kind: sessionmodel.Refuse, Instance: 1, Times: 1},
			{After: time.Millisecond, Kind: sessionmodel.Token, Browser: 2},
		},
		"a crash while a lock is awaited": {
			{After: 82 * time.Minute, Kind: sessionmodel.Token, Instance: 1},
			{After: 57 * time.Microsecond, Kind: sessionmodel.Token},
			{After: 325 * time.Millisecond, Kind: sessionmodel.Crash, Instance: 1},
			{After: 74 * time.Minute, Kind: sessionmodel.Visit, Browser: 1},
		},
		"a crash before a session was prolonged": {
			{After: 70 * time.Minute, Kind: sessionmodel.Visit, Instance: 1},
			{After: 30 * time.Microsecond, Kind: sessionmodel.Visit, Instance: 1},
			{After: 3 * time.Millisecond, Kind: sessionmodel.Crash, Instance: 1},
			{After: 70 * time.Minute, Kind: sessionmodel.Visit, Browser: 1},
		},
		"no lock because of a partition": {
			{After: 76 * time.Minute, Kind: sessionmodel.Token},
			{After: 229 * time.Microsecond, Kind: sessionmodel.Token, Instance: 1},
			{After: 4 * time.Millisecond, Kind: sessionmodel.Partition, Instance: 1, For: 2 * time.Millisecond},
		},
	} {
		t.Run(name, func(t *testing.T) { holds(t, sessionmodel.History{Seed: 1, Steps: steps}) })
	}
}
