package main

import (
	"context"
	"fmt"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/session"
)

// checkReach returns the reason why the sessions of the app may not be seen, and fails at once if
// none can be. That some keys are not here is reported when all other sessions are done.
func (t *tool) checkReach(ctx context.Context) (doubt, err error) {
	doubt = t.service.CheckSessions(ctx)
	switch autherr.ReasonOf(doubt) {
	case session.ReasonWrongKeys:
		return nil, doubt
	case session.ReasonMissingKeys:
		t.missing = doubt // which the command itself meets in the first part only
	case session.ReasonOtherClient, session.ReasonOtherOrigin, session.ReasonNoTrace:
		return doubt, nil
	}
	return nil, nil // the command meets an error of the storage by itself
}

// note tells an operator what a successful command does not show.
func (t *tool) note(err error) {
	if err != nil {
		fmt.Fprintln(t.err, "fibermsal: note:", printable(explain(t.prefix, err)))
	}
}

// judge returns the doubt about a command that saw no sessions as its error, and notes it otherwise.
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
