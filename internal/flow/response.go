package flow

import (
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"
)

const (
	// MaxResponse limits an authorization response in bytes (threat A12). A code alone can
	// exceed a kilobyte.
	MaxResponse = 16 << 10
	maxFields   = 20
)

// ErrMalformed means that the input is not an authorization response.
var ErrMalformed = errors.New("flow: malformed authorization response")

// Response is Entra's response to an attempt (RFC 6749 section 4.1.2). It passes through the browser,
// so it may be forged.
type Response struct {
	State, Code, Issuer                   string
	Error, ErrorSubcode, ErrorDescription string
}

// protocolFields are the fields that may appear at most once each.
var protocolFields = []string{
	"state", "code", "iss", "error", "error_subcode", "error_description", "error_uri",
	"session_state", "client_info", "id_token", "access_token",
}

// ParseResponse parses a form or a query strictly. It rejects input that another parser could read
// differently (threat A11). Only an error response may lack a state, which is then empty.
func ParseResponse(raw string) (*Response, error) {
	fields, err := parseFields(raw)
	if err != nil {
		return nil, err
	}
	r := &Response{
		State: fields.Get("state"), Code: fields.Get("code"), Issuer: fields.Get("iss"),
		Error: fields.Get("error"), ErrorSubcode: fields.Get("error_subcode"), ErrorDescription: fields.Get("error_description"),
	}
	if r.Code != "" && r.Error != "" {
		return nil, ErrMalformed
	}
	if !isState(r.State) {
		if r.Error == "" {
			return nil, ErrMalformed
		}
		r.State = ""
	}
	return r, nil
}

// parseFields parses a form or a query, and refuses one that other parsers could read differently.
func parseFields(raw string) (url.Values, error) {
	if len(raw) > MaxResponse || strings.Count(raw, "&") >= maxFields {
		return nil, ErrMalformed
	}
	fields, err := url.ParseQuery(raw)
	if err != nil || !wellFormed(fields) {
		return nil, ErrMalformed
	}
	return fields, nil
}

// isState reports whether a state has the form of one that this package has sealed.
func isState(state string) bool {
	return isEarlier(state) || (len(state) > earlierStateSize && len(state) <= maxState)
}

func wellFormed(fields url.Values) bool {
	for _, name := range protocolFields {
		if len(fields[name]) > 1 {
			return false
		}
	}
	for name, values := range fields {
		for _, text := range append([]string{name}, values...) {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return false
			}
		}
	}
	return true
}

// HasProtocolFields reports whether a query string contains a field of the protocol, which is not
// allowed together with a form (threat A11).
func HasProtocolFields(raw string) bool {
	fields, err := url.ParseQuery(raw)
	if err != nil {
		return true
	}
	for _, name := range protocolFields {
		if fields.Has(name) {
			return true
		}
	}
	return false
}
