package cycle

// This would make outside.go a part of a cycle.
func start2() { outside() }
