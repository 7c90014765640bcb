package graph

import (
	"cmp"
	"encoding/json"
)

// errorContent is the content of an error response. Some services behind Graph write innerError and
// others innererror, and some put the IDs only into the innermost one. encoding/json ignores the case
// of names.
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

// readErrorBody parses an error response, as far as it has Graph's format, and stores IDs that were not
// in the header.
func (c *call) readErrorBody() (content errorContent) {
	_ = json.Unmarshal(c.errorBody, &content) // values of another type are ignored
	for inner := &content.Error.InnerError; inner != nil; inner = inner.InnerError {
		c.ids.request = cmp.Or(c.ids.request, inner.RequestID)
		c.ids.clientRequest = cmp.Or(c.ids.clientRequest, inner.ClientRequestID)
	}
	return content
}
