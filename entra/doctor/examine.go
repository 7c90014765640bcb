// Package doctor diagnoses what signing in depends on: addresses and cookies, Entra and the
// network in between, the clock, the client credential and its registration, the storage, and
// the keys of the other instances. The result is a [Report] of findings that an operator can
// act on, without any credential.
//
// Apps call Doctor of package entra or of a framework's package. [Examine], [Options] and [App]
// are for these.
package doctor

import (
	"context"
	"slices"
	"time"
)

// totalTimeout bounds a diagnosis.
const totalTimeout = 20 * time.Second

// Examine checks everything that signing in depends on. It returns after 20 seconds at most.
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
