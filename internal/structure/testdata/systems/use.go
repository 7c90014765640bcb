package systems

var start = now()
