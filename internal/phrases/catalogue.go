package phrases

// catalogue contains the texts of one language.
type catalogue [count]string
