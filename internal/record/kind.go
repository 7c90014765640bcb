package record

// Kind is the kind of a record.
type Kind string

// The kinds of records. A session and its tokens are two records, because every request reads
// the first, and only renewals change the second.
const (
	Session Kind = "s"
	Tokens  Kind = "t"
)
