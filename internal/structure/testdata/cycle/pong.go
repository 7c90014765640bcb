package cycle

func pong() {
	again := ping
	again()
}
