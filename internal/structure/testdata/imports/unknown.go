package imports

import "example.invalid/absent/v2"

// unknown calls a method of a value whose type only the import knows.
func unknown() {
	absent.Next().run()
}
