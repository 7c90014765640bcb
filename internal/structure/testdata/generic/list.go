// Package generic declares the methods of generic types in several files.
package generic

type list[T any] struct{ items []T }

func (l *list[T]) add(item T) { l.items = append(l.items, item) }
