package naive_test

import (
	"context"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"        //nolint:depguard // this app has no fibermsal
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential" //nolint:depguard // this app has no fibermsal
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"

	"github.com/fibermsal/fibermsal/entratest"
)

// newClient returns an MSAL client. MSAL's documentation recommends one per user, with a cache in an
// external storage.
func newClient(idp *entratest.Server, kept cache.ExportReplace) (confidential.Client, error) {
	credential, err := confidential.NewCredFromSecret(idp.ClientSecret)
	if err != nil {
		return confidential.Client{}, err
	}
	return confidential.New(idp.Authority, idp.ClientID, credential,
		confidential.WithCache(kept), confidential.WithHTTPClient(idp.HTTPClient))
}

// sessionCache stores MSAL's cache in a session, which the handler saves.
type sessionCache struct{ session *session.Session }

// Replace implements cache.ExportReplace.
func (s sessionCache) Replace(_ context.Context, to cache.Unmarshaler, _ cache.ReplaceHints) error {
	content, ok := s.session.Get("tokens").([]byte)
	if !ok {
		return nil
	}
	return to.Unmarshal(content)
}

// Export implements cache.ExportReplace.
func (s sessionCache) Export(_ context.Context, from cache.Marshaler, _ cache.ExportHints) error {
	content, err := from.Marshal()
	if err != nil {
		return err
	}
	s.session.Set("tokens", content)
	return nil
}

// partitions stores the cache of a client that all users share. Each user's part has the key that MSAL
// suggests.
type partitions struct{ storage fiber.Storage }

const partitionPrefix = "msal:"

// Replace implements cache.ExportReplace.
func (p partitions) Replace(_ context.Context, to cache.Unmarshaler, hints cache.ReplaceHints) error {
	content, err := p.storage.Get(partitionPrefix + hints.PartitionKey)
	if err != nil || content == nil {
		return err
	}
	return to.Unmarshal(content)
}

// Export implements cache.ExportReplace.
func (p partitions) Export(_ context.Context, from cache.Marshaler, hints cache.ExportHints) error {
	content, err := from.Marshal()
	if err != nil {
		return err
	}
	return p.storage.Set(partitionPrefix+hints.PartitionKey, content, 24*time.Hour)
}
