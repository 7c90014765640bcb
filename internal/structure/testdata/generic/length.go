package generic

func (l *list[T]) length() int { return len(l.items) }

func (l list[_]) empty() bool { return l.length() == 0 }
