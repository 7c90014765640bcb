package generic

type pair[K comparable, V any] struct {
	key   K
	value V
}

func (p *pair[K, V]) both() (K, V) { return p.key, p.value }

func made[K comparable, V any](key K, value V) *pair[K, V] { return &pair[K, V]{key, value} }
