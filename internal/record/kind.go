package record

// Kind is the kind of a record.
type Kind string

// The kinds of records. A session and its tokens are separate records, because every request reads the
// session, but only renewals change the tokens.
const (
	Session Kind = "s"
	Tokens  Kind = "t"
)
