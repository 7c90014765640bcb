package graph

import (
	"cmp"
	"errors"
	"regexp"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
)

// graphError is the content of an error response.
type graphError struct {
	code, message, requestID, clientRequestID string

	odata *odataerrors.ODataError
	other error // of another SDK, if it can be printed safely
}

// sdkError returns the SDK's error, or nil if Graph sent none.
func (g *graphError) sdkError() error {
	if g.odata == nil {
		return g.other // not a nil pointer in an interface
	}
	return g.odata
}

// complete adds the code and the message of an error response if the SDK's error lacks them.
func (g *graphError) complete(body errorContent) {
	if g.code == "" && validCode.MatchString(body.Error.Code) {
		g.code = body.Error.Code
	}
	g.message = cmp.Or(g.message, body.Error.Message)
}

var validCode = regexp.MustCompile(`^[A-Za-z0-9_.\-]{1,64}$`)

// readGraphError reads the SDK's error. It does not call the Error method, which dereferences parts
// that Graph may have omitted. It fills in these parts, so that callers can call Error safely.
func readGraphError(err error) (g graphError) {
	defer func() {
		if recover() != nil { // the getters of the SDK's models can panic
			g = graphError{}
		}
	}()
	if !errors.As(err, &g.odata) {
		if api, ok := err.(abstractions.ApiErrorable); ok {
			_ = err.Error()
			g.other, _ = api.(error)
		}
		return g
	}
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
		g.requestID, g.clientRequestID = deref(inner.GetRequestId()), deref(inner.GetClientRequestId())
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
