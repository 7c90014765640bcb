package cycle

func ping() { pong() }
