package main

import (
	"context"
	"fmt"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/session"
)

// checkReach returns, as doubt, the reason why the command may not find the sessions of the app, and an
// error if it cannot find any. If some keys are missing, that is reported after all other sessions have
// been processed.
func (t *tool) checkReach(ctx context.Context) (doubt, err error) {
	doubt = t.service.CheckSessions(ctx)
	switch autherr.ReasonOf(doubt) {
	case session.ReasonWrongKeys:
		return nil, doubt
	case session.ReasonMissingKeys:
		t.missing = doubt // the command itself gets this error in the first part only
	case session.ReasonOtherClient, session.ReasonOtherOrigin, session.ReasonNoTrace:
		return doubt, nil
	}
	return nil, nil // the command itself gets any error of the storage
}

// note prints an error that does not make the command fail.
func (t *tool) note(err error) {
	if err != nil {
		fmt.Fprintln(t.err, "fibermsal: note:", printable(explain(t.prefix, err)))
	}
}

// judge returns the doubt as an error if the command has seen no sessions, and prints it as a note
// otherwise.
func (t *tool) judge(doubt error, seen int, tolerated ...string) error {
	if doubt == nil {
		return nil
	}
	reason := autherr.ReasonOf(doubt)
	for _, ok := range tolerated {
		if reason == ok {
			seen++
		}
	}
	if seen == 0 {
		return doubt
	}
	t.note(doubt)
	return nil
}
