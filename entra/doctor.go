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

// Doctor checks everything that sign-ins depend on: addresses and cookies, Entra and the network in
// between, the clock, the client credential and its registration, the storage, and whether other
// instances have the same keys. Use it for a command, a start-up check or an administrator's page, but
// not for a health check, because it makes several calls to Entra, one of which gets a token of the app
// and discards it, and sends a few dozen commands to Redis, which change nothing there.
//
// It returns after at most 20 seconds, and each check ends after at most 5 seconds. A check that takes
// longer, is refused, or is cut short by the end of ctx is reported as a warning; checks that depend on
// a failed check are left out. Doctor cannot find out whether users have consented, when a client
// secret expires, or what a proxy in front of the app does.
//
// It is safe for concurrent use, and may be called while the app serves requests.
func (s *Service) Doctor(ctx context.Context) Report { return doctor.Examine(ctx, s.doctorOptions()) }

// DoctorWithApp runs the checks of Doctor and also checks the settings and the login route of a web
// app. It is for faces, which describe the app.
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
