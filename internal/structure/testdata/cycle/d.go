package cycle

// counted is used by c.go, and nothing of a file in the cycle is used here but a type.
type counted = First
