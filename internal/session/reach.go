package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

// The reasons why a process may not find the sessions of the app. They are public.
const (
	ReasonWrongKeys   = "wrong_keys"      // none of the keys here is a key of the app
	ReasonMissingKeys = "missing_keys"    // some of the app's keys are missing here
	ReasonOtherClient = "other_client_id" // only apps with other client IDs have sessions
	ReasonOtherOrigin = "other_origin"    // only apps with other redirect URIs have sessions
	ReasonNoTrace     = "no_trace"        // no app has sessions
)

// Reach determines which sessions in the storage this process can find.
type Reach struct{ store *Store }

// ReachOf returns the reach of a Store.
func ReachOf(s *Store) Reach { return Reach{s} }

// CheckKeys returns an error if sessions of the app are sealed with keys that this process does not
// have. The names of their indexes depend on these keys, so administration would silently miss them.
func (r Reach) CheckKeys(ctx context.Context) error {
	if !record.SealsIn(r.store.Records).Kept() {
		return nil
	}
	instances, seals, err := record.SealsIn(r.store.Records).Read(ctx)
	if err != nil {
		return autherr.StorageUnavailable(err)
	}
	return r.keyProblem(instances, seals)
}

// notSignedIn returns the error for a user without a session. If none of the app's sessions can be
// found, it returns that as the error, because a worker must not assume that all users have signed out.
func (r Reach) notSignedIn(ctx context.Context) error {
	if err := r.CheckKeys(ctx); autherr.ReasonOf(err) == ReasonWrongKeys {
		return err
	}
	return autherr.NotSignedIn
}

func (r Reach) hasWrongKeys(ctx context.Context) bool {
	return autherr.ReasonOf(r.CheckKeys(ctx)) == ReasonWrongKeys
}

// keyProblem compares the keys of this process with those with which sessions are sealed. A key that
// only sealed earlier sessions may be missing here, because it may have been removed from the app. If
// an instance still has it, it must not be missing, because the users of these sessions are signed in
// there.
func (r Reach) keyProblem(instances []record.Instance, seals []record.Seal) error {
	var known bool
	var unknown, unseen []string // key IDs, and the instances that have them
	for _, other := range instances {
		for i, id := range other.KeyIDs {
			switch isFirst := i == 0; { // the instance seals with its first key
			case r.store.Records.HasKey(id):
				known = known || isFirst
			case isFirst || hasSealed(seals, id):
				unknown, unseen = append(unknown, id), append(unseen, other.Name)
			}
		}
	}
	isLatest := true
	for _, seal := range seals {
		switch {
		case !seal.Own:
			continue
		case r.store.Records.HasKey(seal.KeyID):
			known = true
		case isLatest:
			unknown = append(unknown, seal.KeyID)
		}
		isLatest = false
	}
	if len(unknown) == 0 {
		return nil
	}
	return r.keyError(known, unknown, unseen)
}

// hasSealed reports whether sessions of the app have been sealed with a key.
func hasSealed(seals []record.Seal, keyID string) bool {
	return slices.ContainsFunc(seals, func(seal record.Seal) bool { return seal.Own && seal.KeyID == keyID })
}

// missedInFile returns an error if sessions in a file are sealed with an earlier key that is missing
// here. With a file, no instance announces whether the app still has the key, so it may have been
// removed from the app; the sessions remain until their idle timeout.
func (r Reach) missedInFile(ctx context.Context, seals []record.Seal) error {
	isMissing := func(seal record.Seal) bool { return seal.Own && !r.store.Records.HasKey(seal.KeyID) }
	if r.store.Records.Shared() || !slices.ContainsFunc(seals, isMissing) {
		return nil
	}
	var unknown []string
	err := record.SealsIn(r.store.Records).Search(ctx, func(stored record.Stored) bool {
		if id, ok := sealed.KeyID(stored.Sealed); ok && stored.Own && !r.store.Records.HasKey(id) {
			unknown = append(unknown, id)
		}
		return len(unknown) == 0
	})
	switch {
	case err != nil:
		return autherr.StorageUnavailable(err)
	case len(unknown) > 0:
		return r.keyError(true, unknown, nil)
	}
	return nil
}

func (r Reach) keyError(known bool, unknown, instances []string) error {
	slices.Sort(unknown)
	what := "sessions of the app are sealed with the key " + someOf(slices.Compact(unknown))
	if len(instances) > 0 {
		what += " (on " + someOf(slices.Compact(instances)) + ")"
	}
	here := strings.Join(r.store.Records.KeyIDs(), ", ")
	if !known {
		return autherr.Misconfigured.New(ReasonWrongKeys, fmt.Errorf("%s, and none of the keys here (%s) is a key of the app, so none of its sessions is found: use the Keys that the app runs with", what, here))
	}
	return autherr.Misconfigured.New(ReasonMissingKeys, fmt.Errorf("%s, which is not among the keys here (%s), so these sessions are not found: use the Keys that the app runs with", what, here))
}

// Check returns an error if this process cannot find the sessions of the app, because of its keys,
// client ID or redirect URI, or because the storage has no trace of any app. If instances of earlier
// versions have announced too little, it searches the storage.
func (r Reach) Check(ctx context.Context) error {
	if !record.SealsIn(r.store.Records).Kept() {
		return nil
	}
	instances, seals, err := record.SealsIn(r.store.Records).Read(ctx)
	if err != nil {
		return autherr.StorageUnavailable(err)
	}
	if err := r.keyProblem(instances, seals); err != nil {
		return err
	}
	if err := r.missedInFile(ctx, seals); err != nil {
		return err
	}
	own := slices.DeleteFunc(slices.Clone(seals), func(seal record.Seal) bool { return !seal.Own })
	if slices.ContainsFunc(own, func(seal record.Seal) bool { return seal.Origin == r.store.Origin }) {
		return nil
	}
	found := traces{origins: originsOf(own), others: originsOf(seals)}
	if err := r.search(ctx, &found); err != nil {
		if !errors.Is(err, record.ErrNoSearch) {
			return autherr.StorageUnavailable(err)
		}
		found.own = len(instances) > 0 && len(own) == 0 // an earlier version with the same keys
	}
	return r.originProblem(&found)
}

func originsOf(seals []record.Seal) (origins []string) {
	for _, seal := range seals {
		if !slices.Contains(origins, seal.Origin) {
			origins = append(origins, seal.Origin)
		}
	}
	return origins
}

// traces is the result of a search.
type traces struct {
	own     bool     // a session that this process accepts
	origins []string // of the other sessions of the client ID
	others  []string // of apps with other client IDs
	foreign bool     // a session of another client ID
	unknown []string // IDs of keys that are missing here
}

// maxSearched is how many sessions a search reads at most.
const maxSearched = 200

func (r Reach) search(ctx context.Context, found *traces) error {
	n := 0
	return record.SealsIn(r.store.Records).Search(ctx, func(stored record.Stored) bool {
		n++
		r.classify(stored, found)
		return !found.own && n < maxSearched
	})
}

func (r Reach) classify(stored record.Stored, found *traces) {
	if !stored.Own {
		found.foreign = true
		return
	}
	id, hasKey := sealed.KeyID(stored.Sealed)
	parsed, err := r.store.parse(stored.Name, stored.Sealed)
	switch {
	case errors.Is(err, record.ErrUnknownKey) && hasKey:
		found.unknown = append(found.unknown, id)
	case err != nil:
	case r.store.isOwn(parsed):
		found.own = true
	case !slices.Contains(found.origins, parsed.Origin):
		found.origins = append(found.origins, parsed.Origin)
	}
}

func (r Reach) originProblem(found *traces) error {
	switch {
	case found.own:
		return nil
	case len(found.origins) > 0:
		return autherr.Misconfigured.New(ReasonOtherOrigin, fmt.Errorf("no session began at %s, but some did at %s: use the PublicURL, BasePath and RoutePrefix that the app runs with", r.store.Origin, someOf(found.origins)))
	case len(found.unknown) > 0:
		return r.keyError(false, found.unknown, nil)
	case len(found.others) > 0:
		return autherr.Misconfigured.New(ReasonOtherClient, fmt.Errorf("the storage has sessions of other client IDs only, which began at %s: use the ClientID that the app runs with", someOf(found.others)))
	case found.foreign:
		return autherr.Misconfigured.New(ReasonOtherClient, errors.New("the storage has sessions of other client IDs only: use the ClientID that the app runs with"))
	}
	return autherr.Misconfigured.New(ReasonNoTrace, errors.New("the storage has no trace of the app, as if nobody had signed in for 90 days: make sure that it is the storage that the app uses, and the same database"))
}

// checkID returns an error if there is a session with an ID but its key is missing here.
func (r Reach) checkID(ctx context.Context, id string) error {
	found, err := r.store.examine(ctx, id)
	if err != nil || found.state != unreadable {
		return err
	}
	return autherr.Misconfigured.New(ReasonWrongKeys, errors.New("the session is sealed with a key that is not among the keys here: use the Keys that the app runs with"))
}

// someOf joins the first few of many names.
func someOf(names []string) string {
	const most = 3
	text := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}
