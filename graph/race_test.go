//go:build race

package graph_test

// memoryFactor is how much more memory the race detector may take for what the code allocates.
const memoryFactor = 8
