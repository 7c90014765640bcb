package token

import (
	"log/slog"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/background"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// Options configure a Renewer.
type Options struct {
	Authority  *authority.Client
	Sessions   *session.Store
	Records    *record.Store
	Log        *slog.Logger
	Telemetry  *telemetry.Telemetry
	Background *background.Group
}
