package generic

func field(from func() map[string]pair[string, bool]) bool {
	for _, p := range from() {
		return p.value
	}
	return false
}
