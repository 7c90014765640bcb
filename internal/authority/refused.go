package authority

import (
	"errors"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/discovery"
)

// refusedDiscovery returns the error for a refused request for the configuration, or nil.
func refusedDiscovery(err error) *autherr.Error {
	var refused *discovery.RefusedError
	if !errors.As(err, &refused) {
		return nil
	}
	return autherr.WithAdvice(autherr.Misconfigured.New("discovery_refused", refused), refused.Numbers...)
}
