// Package module is the root of a module.
package module

type Ship struct{}

func (s Ship) Sail() int { return s.knots() }

func (Ship) knots() int {
	return speed
}
