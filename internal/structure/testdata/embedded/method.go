package embedded

func method() {
	o := newOuter()
	o.grow()
}
