package imports

import "example.invalid/absent/v2"

// skipped has values that go/types does not look at, after a key of an unknown type.
func skipped(key absent.Key) {
	absent.Do(map[absent.Key]any{key: closure()}, map[absent.Key]any{key: absent.Value{local: 1}})
}
