//go:build !race

package graph_test

const memoryFactor = 1
