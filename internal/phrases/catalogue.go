package phrases

// catalogue has the texts of a language.
type catalogue [count]string
