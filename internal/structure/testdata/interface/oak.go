package door

type oak struct{}

func (oak) open() {}
