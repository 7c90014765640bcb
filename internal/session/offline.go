package session

import (
	"context"
	"log/slog"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/parallel"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// Newest returns the newest session of a user that is usable and whose ID is not in skip, outside any
// request. It reads the records, because indexes are only hints. If there is no such session, the error
// is NotSignedIn, or that the keys of this process are wrong.
func (s *Store) Newest(ctx context.Context, tenant, user string, skip map[string]bool, usable func(*Session) bool) (*Session, error) {
	label := userLabel(tenant, user)
	for id, err := range s.listed(ctx, label) {
		if err != nil {
			return nil, err
		}
		if skip[id] {
			continue
		}
		found, err := s.findListed(ctx, id, label)
		if err != nil {
			return nil, err
		}
		if found != nil && found.User.TenantID == tenant && found.User.ID == user && usable(found) {
			s.Telemetry.Audit(ctx, slog.LevelInfo, telemetry.EventOfflineAccess, found.Subject())
			return found, nil
		}
	}
	return nil, ReachOf(s).notSignedIn(ctx)
}

// OwnerOfMail returns the object ID of the only signed-in user of a tenant with a mail address, or ""
// if there is none. If sessions of two users have the address, the error is NotSignedIn with
// ReasonSharedMail (threat B9). It reads all sessions with the address, because one user may have many.
func (s *Store) OwnerOfMail(ctx context.Context, tenant, mail string) (user string, err error) {
	label := mailLabel(tenant, mail)
	find := func(id string) (*Session, error) { return s.findListed(ctx, id, label) }
	for found, err := range parallel.Map(s.listed(ctx, label), find) {
		switch {
		case err != nil:
			return "", err
		case found == nil || found.User.TenantID != tenant || found.User.Mail != mail:
		case user != "" && user != found.User.ID:
			return "", autherr.NotSignedIn.New(autherr.ReasonSharedMail, nil)
		default:
			user = found.User.ID
		}
	}
	if user == "" && ReachOf(s).hasWrongKeys(ctx) {
		return "", ReachOf(s).notSignedIn(ctx)
	}
	return user, nil
}

// findListed is like Find for an ID in an index. If the session has ended, it removes the ID from the
// index.
func (s *Store) findListed(ctx context.Context, id string, label record.Label) (*Session, error) {
	found, ended, err := s.Find(ctx, id)
	if ended {
		_ = s.Records.Delist(ctx, id, label) // or the next lookup does
	}
	return found, err
}
