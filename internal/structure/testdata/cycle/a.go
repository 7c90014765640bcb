// Package cycle has one cycle of three files and one of two.
package cycle

// First is an exported name.
type First struct{ count int }

func start() { second() }
