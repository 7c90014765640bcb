package cycle

func second() {
	t := newThird()
	t.go3()
}
