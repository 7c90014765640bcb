package generic

func use() int {
	_, l := made("key", &list[int]{}).both()
	return l.length()
}
