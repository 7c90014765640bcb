package module

const speed = 12

func turn(s Ship) int { return s.Sail() }
