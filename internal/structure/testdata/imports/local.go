// Package imports depends on packages that do not exist.
package imports

import (
	"strings"

	"example.invalid/absent/v2"
)

type local struct {
	absent.Base
	strings.Builder
	size int
}

func (l *local) run() {}

func (l *local) strings() int { return l.size }
