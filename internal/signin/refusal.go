package signin

import (
	"errors"
	"strings"

	"github.com/fibermsal/fibermsal/internal/aadsts"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// Refusal returns the error for an error response. Anybody can write its texts, so they go
// to the log only (threat A10).
func Refusal(r *flow.Response) *autherr.Error {
	text := strings.Join(strings.Fields(r.Error+" "+r.ErrorSubcode+" "+r.ErrorDescription), " ")
	return autherr.WithAdvice(classify(r, errors.New(redact.Text(text))), aadsts.Numbers(r.ErrorDescription)...)
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
