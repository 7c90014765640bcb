package doctor

import (
	"context"
	"errors"
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/outbound"
)

// causeOf returns the text of a failed call's error, without credentials.
func causeOf(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return errNoAnswer.Error()
	}
	return autherr.TextFor(outbound.Cause(err)) // not the sentence for users, which does not help an operator
}

// reachFix returns what to do if a server cannot be reached.
func reachFix(address string, err error) string {
	host := authority.HostOf(address)
	if strings.Contains(err.Error(), "x509: certificate signed by") {
		return "name the certificate authority that signed for " + host + ", often that of a proxy, in FIBERMSAL_CA_FILE, or set HTTPClient"
	}
	return "let this machine reach " + host + " by https; if that takes a proxy, set HTTPS_PROXY; if a private authority signs the certificates, name it in FIBERMSAL_CA_FILE, or set HTTPClient"
}
