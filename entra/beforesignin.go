package entra

import (
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/flow"
)

// changeStart lets a hook change a sign-in that is about to start.
func (s *Service) changeStart(start *flow.Start, hook func(*SignInOptions) error) error {
	options := optionsOf(&start.Requirements, start.To.Path())
	before := options.To
	if err := hook(&options); err != nil {
		return err
	}
	requirements, err := options.requirements(start.Requirements)
	if err != nil {
		return autherr.Misconfigured.New("sign_in_options", err)
	}
	requirements.Scopes = authority.Missing(s.settings.scopes.Configured(), s.settings.scopes.ForToken(requirements.Scopes))
	start.Requirements = requirements
	if options.To != before {
		start.To = s.site.DestinationOf(strings.Clone(options.To))
	}
	return nil
}
