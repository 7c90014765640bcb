package graph

import (
	"context"
	"encoding/json"
	"net/http"

	abstractions "github.com/microsoft/kiota-abstractions-go"
)

// batchPart is a request of a batch, at most 20 of which Graph accepts in one call.
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

// batchAnswers are the responses by the IDs of the parts.
type batchAnswers map[string]batchAnswer

// batch makes one call of several requests.
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

// person returns the user that a response contains, or none.
func (b batchAnswer) person() person {
	var p person
	if b.Status != http.StatusOK || json.Unmarshal(b.Body, &p) != nil {
		return person{}
	}
	return p
}

// photo returns the picture that a response contains, nil if the user has none, and false if it
// says neither. A batch has pictures in base64.
func (b batchAnswer) photo() (picture []byte, known bool) {
	if isNoPhoto(b.Status) {
		return nil, true
	}
	if b.Status != http.StatusOK || json.Unmarshal(b.Body, &picture) != nil || pictureType(picture) == "" {
		return nil, false
	}
	return picture, true
}
