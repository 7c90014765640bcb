package graph

import (
	"errors"
	"regexp"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
)

// graphError is the content of an error response.
type graphError struct {
	code, message, requestID string
	odata                    *odataerrors.ODataError
}

// sdkError returns the SDK's error, or nil if Graph sent none.
func (g graphError) sdkError() error {
	if g.odata == nil {
		return nil // not a nil pointer in an interface
	}
	return g.odata
}

var validCode = regexp.MustCompile(`^[A-Za-z0-9_.\-]{1,64}$`)

// readGraphError reads the SDK's error. It does not call the Error method, which dereferences
// what Graph may have left out, and completes the error so that callers can.
func readGraphError(err error) (g graphError) {
	if !errors.As(err, &g.odata) {
		return g
	}
	defer func() {
		if recover() != nil { // the getters of the SDK's models can panic
			g = graphError{}
		}
	}()
	mainError := g.odata.GetErrorEscaped()
	if mainError == nil {
		mainError = odataerrors.NewMainError()
		g.odata.SetErrorEscaped(mainError)
	}
	if mainError.GetMessage() == nil {
		none := ""
		mainError.SetMessage(&none)
	}
	g.message = *mainError.GetMessage()
	if code := deref(mainError.GetCode()); validCode.MatchString(code) {
		g.code = strings.Clone(code)
	}
	if inner := mainError.GetInnerError(); inner != nil {
		g.requestID = deref(inner.GetRequestId())
	}
	return g
}

// deref returns the string that a property of the SDK's models points to, or "".
func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
