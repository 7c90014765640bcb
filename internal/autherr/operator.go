package autherr

import "github.com/fibermsal/fibermsal/internal/redact"

// withoutCause contains the meanings of reasons whose errors have no cause.
var withoutCause = map[string]string{
	ReasonEntraPaused:    "Entra has failed so often that it is not called for a few seconds",
	ReasonConnectionLost: "the connection was lost",
	ReasonLockWait:       "another renewal of the session took too long",
	ReasonKeys:           "the keys that sign ID tokens are unavailable",
	ReasonStorage:        "the session storage does not answer",
	"closed":             "the library has been closed",
}

// ForOperators returns the text of an error for administrators: its codes, its cause and the advice,
// but not the sentence for users.
func ForOperators(e *Error) string {
	text := e.Code
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	if e.Err != nil {
		text += ": " + redact.TextOf(e.Err)
	} else if known := withoutCause[e.Reason]; known != "" {
		text += ": " + known
	}
	if e.advice != "" {
		text += "; " + e.advice
	}
	return text
}

// TextFor returns the text of any error for administrators.
func TextFor(err error) string {
	if e, ok := Find(err); ok {
		return ForOperators(e)
	}
	return redact.TextOf(err)
}
