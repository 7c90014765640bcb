package signin

import (
	"errors"
	"strings"

	"github.com/fibermsal/fibermsal/internal/aadsts"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// maxDescription is more than Entra's descriptions have. Theirs begin with the number.
const maxDescription = 2 << 10

// Refusal returns the error for an error response. Anybody can write its texts, so they go
// to the log only (threat A10), and only their beginning is searched.
func Refusal(r *flow.Response) *autherr.Error {
	description := r.ErrorDescription
	if len(description) > maxDescription { // whole words: half a credential would not be recognized
		description = description[:strings.LastIndexByte(description[:maxDescription], ' ')+1]
	}
	text := strings.Join(strings.Fields(r.Error+" "+r.ErrorSubcode+" "+description), " ")
	return autherr.WithAdvice(classify(r, redact.Wrap(errors.New(text), nil)), aadsts.Numbers(description)...)
}

func classify(r *flow.Response, cause error) *autherr.Error {
	switch r.Error {
	case autherr.ReasonCancelled:
		e := autherr.Rejected.New(autherr.ReasonCancelled, cause)
		e.Message = "The sign-in was cancelled."
		return e
	case "consent_required":
		return autherr.ConsentRequired.New("consent_required", cause)
	case "temporarily_unavailable", "server_error":
		return autherr.TryLater("entra_error", cause)
	}
	return autherr.Rejected.New("entra_error", cause)
}
