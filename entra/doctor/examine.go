// Package doctor diagnoses everything that sign-ins depend on: addresses and cookies, Entra and the
// network in between, the clock, the client credential and its registration, the storage, and the keys
// of the other instances. The result is a [Report] of findings that an operator can act on. It contains
// no credentials.
//
// Apps call the method Doctor of entra.Service or of a face. [Examine], [Options] and [App] are for
// these packages.
package doctor

import (
	"context"
	"slices"
	"time"
)

// totalTimeout is the time limit of a diagnosis.
const totalTimeout = 20 * time.Second

// Examine checks everything that sign-ins depend on. It returns after at most 20 seconds.
func Examine(ctx context.Context, o Options) Report {
	ctx, cancel := context.WithTimeout(ctx, totalTimeout)
	defer cancel()
	d := newDiagnosis(o)
	return slices.Concat(d.addresses(), d.scopes(), o.App.settings(), concurrently(
		func() []Finding { return d.entra(ctx) },
		func() []Finding { return d.publicHost(ctx) },
		func() []Finding { return d.storage(ctx) },
	))
}
