package embedded

var size = newOuter().count
