package doctor

import (
	"context"
	"errors"

	"github.com/fibermsal/fibermsal/internal/outbound"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// causeOf returns the text of a failed call's error, without credentials.
func causeOf(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return errNoAnswer.Error()
	}
	return redact.Text(outbound.Cause(err).Error())
}
