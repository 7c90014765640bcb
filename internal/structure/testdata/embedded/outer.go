package embedded

type outer struct{ middle }

func newOuter() outer { return outer{} }
