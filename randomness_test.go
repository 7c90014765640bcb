package fibermsal_test

const brokenRandomness = "X"

func serveWithoutRandomness() int { return 0 }
