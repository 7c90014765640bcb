package imports

import "example.invalid/absent/v2"

// generic names local, as the argument of a type that is unknown.
func generic(queue absent.Queue[*local]) {
	queue.Next()
}
