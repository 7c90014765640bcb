package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/record"
)

const keysSubject = "whether the instances have the same keys"

// keys compares the keys of this instance with those of the instances that were recently active.
func (d *diagnosis) keys(ctx context.Context) []Finding {
	if _, isFile := d.Storage.(record.Embedded); isFile {
		return []Finding{ok("keys", "no other process uses the Storage, so none can have other Keys")}
	}
	instances, err := d.Records.Instances(ctx)
	if err != nil {
		return []Finding{unchecked("keys", keysSubject, autherr.TextFor(err))}
	}
	here := d.Records.KeyIDs()
	var incompatible, different []string
	for _, other := range instances {
		switch {
		case !compatible(here, other.KeyIDs):
			incompatible = append(incompatible, other.Name)
		case !slices.Equal(here, other.KeyIDs):
			different = append(different, other.Name)
		}
	}
	switch {
	case len(incompatible) > 0:
		return []Finding{{
			Severity: SeverityError, Code: "keys",
			What: "the Config.Keys here and those of " + strings.Join(incompatible, ", ") + " differ: one seals with a key that the other does not have",
			Why:  "users who signed in at one are unknown at the other, and a sign-in that begins at one cannot end at the other",
			Fix:  "give all instances the same Keys in the same order; to replace a key, append the new one everywhere before it moves to the front",
		}}
	case len(different) > 0:
		return []Finding{{
			Severity: SeverityWarning, Code: "keys",
			What: "the Config.Keys here and those of " + strings.Join(different, ", ") + " differ, but each opens what the other seals",
			Why:  "a key is being replaced, and the next step must wait until all instances have the same Keys",
			Fix:  "deploy the same Keys to all instances",
		}}
	}
	if err := d.CheckKeys(ctx); err != nil { // keys of instances that have ended; they may have been a mistake
		return []Finding{ok("keys", fmt.Sprintf("Config.Keys has %d; no instance with other keys was active in the last two hours, but before: %s", len(here), autherr.TextFor(err)))}
	}
	return []Finding{ok("keys", fmt.Sprintf("Config.Keys has %d; the instances that were active in the last two hours have the same (%d)", len(here), len(instances)))}
}

// keysOfFile compares the keys of this process with those that sealed the sessions in a file.
func (d *diagnosis) keysOfFile(ctx context.Context) []Finding {
	if err := d.CheckKeys(ctx); errors.Is(err, autherr.Misconfigured) {
		return []Finding{{
			Severity: SeverityWarning, Code: "keys",
			What: "the sessions in the file are sealed with another key: " + autherr.TextFor(err),
			Why:  "their users have to sign in again, and administration does not find them",
			Fix:  "use the Keys that the app runs with, unless they were replaced on purpose",
		}}
	}
	return nil
}

// compatible reports whether each of two key rings contains the key with which the other one seals.
func compatible(here, there []string) bool {
	return len(there) > 0 && slices.Contains(there, here[0]) && slices.Contains(here, there[0])
}
