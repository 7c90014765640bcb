package door

func caller(d door) { d.open() }
