// Package embedded reaches methods and fields through embedded types.
package embedded

type base struct{ count int }

func (b *base) grow() { b.count++ }
