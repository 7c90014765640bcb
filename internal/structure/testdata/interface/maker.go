package door

func maker() door { return oak{} }
