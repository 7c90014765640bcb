package cycle

func outside() { start() }
