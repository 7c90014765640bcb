package systems

const epoch = 1970

const later = 1
