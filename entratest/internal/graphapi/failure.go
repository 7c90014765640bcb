package graphapi

import (
	"encoding/json"
	"net/http"
	"time"
)

// failure is an error of Microsoft Graph.
type failure struct {
	status        int
	code, message string
	authenticate  string // WWW-Authenticate
}

// badRequest is a malformed request, in the words of the directory service.
func badRequest(message string) *failure {
	return &failure{status: http.StatusBadRequest, code: "Request_BadRequest", message: message}
}

// badQuery is a malformed request, in the words of Graph itself.
func badQuery(message string) *failure {
	return &failure{status: http.StatusBadRequest, code: "BadRequest", message: message}
}

func unsupported(message string) *failure {
	return &failure{status: http.StatusBadRequest, code: "Request_UnsupportedQuery", message: message}
}

// notFound is the error about a resource that does not exist.
func notFound(name string) *failure {
	return &failure{
		status: http.StatusNotFound, code: "Request_ResourceNotFound",
		message: "Resource '" + name + "' does not exist or one of its queried reference-property objects are not present.",
	}
}

// denied is the error of a token without the necessary permissions.
func denied(message string) *failure {
	return &failure{status: http.StatusForbidden, code: "Authorization_RequestDenied", message: message}
}

func unprivileged() *failure { return denied("Insufficient privileges to complete the operation.") }

// unknownProperty is the error about a $select.
func unknownProperty(name, kind string) *failure {
	return badQuery("Parsing OData Select and Expand failed: Could not find a property named '" + name + "' on type 'microsoft.graph." + kind + "'.")
}

// write responds with the error. The headers of every response have already been set.
func (f *failure) write(w http.ResponseWriter) {
	type inner struct {
		Date      string `json:"date"`
		RequestID string `json:"request-id"`
		ClientID  string `json:"client-request-id"`
	}
	type body struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Inner   inner  `json:"innerError"`
	}
	h := w.Header()
	if f.authenticate != "" {
		h.Set("WWW-Authenticate", f.authenticate)
	}
	encoded, _ := json.Marshal(map[string]body{"error": {f.code, f.message, inner{ // strings only: cannot fail
		time.Now().UTC().Format("2006-01-02T15:04:05"), h.Get("request-id"), h.Get("client-request-id"),
	}}})
	h.Set("Content-Type", "application/json")
	w.WriteHeader(f.status)
	_, _ = w.Write(encoded) // fails only if the client has gone
}
