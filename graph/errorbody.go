package graph

import (
	"cmp"
	"encoding/json"
)

// errorContent is the content of an error response. Its services write innerError and innererror,
// and some put the IDs into the innermost one only; encoding/json ignores the case of names.
type errorContent struct {
	Error struct {
		Code, Message string
		InnerError    innerError
	}
}

type innerError struct {
	RequestID       string `json:"request-id"`
	ClientRequestID string `json:"client-request-id"`
	InnerError      *innerError
}

// readErrorBody reads an error response, as far as it has Graph's form, and takes over IDs that its
// header does not have.
func (c *call) readErrorBody() (content errorContent) {
	_ = json.Unmarshal(c.errorBody, &content) // what has another type is left out
	for inner := &content.Error.InnerError; inner != nil; inner = inner.InnerError {
		c.ids.request = cmp.Or(c.ids.request, inner.RequestID)
		c.ids.clientRequest = cmp.Or(c.ids.clientRequest, inner.ClientRequestID)
	}
	return content
}
