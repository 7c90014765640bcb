package authority

import (
	"errors"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/discovery"
)

// refusedDiscovery returns the error if a request for the configuration was refused, and nil otherwise.
func refusedDiscovery(err error) *autherr.Error {
	var refused *discovery.RefusedError
	if !errors.As(err, &refused) {
		return nil
	}
	return autherr.WithAdvice(autherr.Misconfigured.New("discovery_refused", refused), refused.Numbers...)
}
