package graph

import (
	"context"
	"encoding/json"
	"net/http"

	abstractions "github.com/microsoft/kiota-abstractions-go"
)

// batchPart is a request in a batch. Graph accepts at most 20 in one call.
type batchPart struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"` // below the version
	Headers map[string]string `json:"headers,omitempty"`
}

// batchAnswer is the response to a part.
type batchAnswer struct {
	Status int
	Body   json.RawMessage
}

// batchAnswers are the responses to the parts, by ID.
type batchAnswers map[string]batchAnswer

// batch sends several requests in one call.
func (a *adapter) batch(ctx context.Context, parts []batchPart) (batchAnswers, error) {
	info := newRequest(abstractions.POST, "/$batch", "application/json")
	if err := addBody(info, map[string]any{"requests": parts}); err != nil {
		return nil, err
	}
	content, _, err := a.exchange(ctx, info)
	if err != nil {
		return nil, err
	}
	var batch struct {
		Responses []struct {
			batchAnswer

			ID string
		}
	}
	if err := decode(content, &batch); err != nil {
		return nil, err
	}
	answers := make(batchAnswers, len(batch.Responses))
	for _, r := range batch.Responses {
		answers[r.ID] = r.batchAnswer
	}
	return answers, nil
}

// person returns the user that a response contains, or the zero person.
func (b batchAnswer) person() person {
	var p person
	if b.Status != http.StatusOK || json.Unmarshal(b.Body, &p) != nil {
		return person{}
	}
	return p
}

// photo returns the picture that a response contains, or nil if the user has none. It returns false if
// the response shows neither. Pictures in a batch are encoded in base64.
func (b batchAnswer) photo() (picture []byte, known bool) {
	if isNoPhoto(b.Status) {
		return nil, true
	}
	if b.Status != http.StatusOK || json.Unmarshal(b.Body, &picture) != nil || pictureType(picture) == "" {
		return nil, false
	}
	return picture, true
}
