package door

var expression = door.open
