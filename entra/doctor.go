package entra

import (
	"context"

	"github.com/fibermsal/fibermsal/entra/doctor"
	"github.com/fibermsal/fibermsal/internal/session"
)

// Severity is how bad a [Finding] is.
type Severity = doctor.Severity

// The severities, see [doctor.Severity].
const (
	SeverityOK      = doctor.SeverityOK
	SeverityWarning = doctor.SeverityWarning
	SeverityError   = doctor.SeverityError
)

// Finding is the result of one check of Doctor, see [doctor.Finding].
type Finding = doctor.Finding

// Report is what Doctor found, see [doctor.Report].
type Report = doctor.Report

// Doctor checks everything that signing in depends on: addresses and cookies, Entra and the
// network in between, the clock, the client credential and its registration, the storage, and
// whether other instances have the same keys. It is for a command, a start-up check or an
// administrator's page, but not for a health check: it makes some calls to Entra, one of them
// for a token of the app, which is discarded, and some dozen commands to Redis, which change
// nothing there.
//
// It returns after 20 seconds at most, and each check ends after 5. A check that takes longer, is
// refused or meets the end of ctx is a warning; checks that depend on one that failed are left
// out. Doctor cannot see whether users have consented, when a client secret expires, or what a
// proxy in front of the app does.
//
// It is safe for concurrent use, and may be called while the app serves requests.
func (s *Service) Doctor(ctx context.Context) Report { return doctor.Examine(ctx, s.doctorOptions()) }

// DoctorWithApp also checks the settings and the login route of a web app, which a framework's
// package describes.
func (s *Service) DoctorWithApp(ctx context.Context, app *doctor.App) Report {
	options := s.doctorOptions()
	options.App = app
	return doctor.Examine(ctx, options)
}

func (s *Service) doctorOptions() doctor.Options {
	cfg := s.settings
	return doctor.Options{
		Authority: s.authority, Flow: s.flow, Records: s.records, Storage: cfg.Storage,
		PublicURL: cfg.PublicURL, RoutePrefix: cfg.RoutePrefix, PostLogoutURL: cfg.PostLogoutURL, GraphURL: cfg.GraphURL, Local: cfg.isLocal(),
		SecureCookies: cfg.secure, HasSecret: cfg.hasSecret, CheckKeys: session.ReachOf(s.sessions).CheckKeys,
	}
}
