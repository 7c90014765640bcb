package flow

// Cookie is a name and a value.
type Cookie struct{ Name, Value string }

func (c Cookie) size() int { return len(c.Name) + len(c.Value) + len("=; ") }
