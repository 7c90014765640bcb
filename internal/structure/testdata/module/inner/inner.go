package inner

const Name = "inner"
