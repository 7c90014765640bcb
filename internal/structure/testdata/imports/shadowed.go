package imports

import "example.invalid/absent/v2"

// shadowed has a type parameter with the name of a type.
func shadowed[local any](absent.Queue[local]) {}
