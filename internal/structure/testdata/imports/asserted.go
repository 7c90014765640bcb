package imports

import "example.invalid/absent/v2"

// asserted knows the type of a value by a type assertion.
func asserted() bool {
	_, ok := absent.Next().(*local)
	return ok
}
