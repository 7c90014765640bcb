package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
)

// Call makes a call without a builder of the SDK. path is a path below Config.GraphURL. encoding/json
// encodes the body and decodes the response into result.
//
//	var drive struct{ Quota struct{ Used int64 } }
//	err := graph.Call(c.UserContext(), graph.Adapter(c, "Files.Read"), http.MethodGet, "/me/drive", nil, &drive)
//
// The path may have a query, in which spaces need not be escaped. It may also be a complete URL of
// Graph, such as a nextLink. A body of type []byte is sent unchanged, and a nil body is not sent. A
// result of type *[]byte receives the unchanged response. Use a nil result for responses without
// content; with any other result, an empty response is the error [ErrBadAnswer]. Call has the same
// guarantees as the calls of builders and accepts options such as [StreamTo] and [WithHeader].
func Call(ctx context.Context, adapter abstractions.RequestAdapter, method, path string, body, result any, options ...abstractions.RequestOption) error {
	info, err := rawRequest(adapter, method, path, body)
	if err != nil {
		return err
	}
	info.AddRequestOptions(options)
	for _, option := range options {
		if h, ok := option.(*header); ok {
			info.Headers.Add(h.name, h.value)
		}
	}
	if result == nil && streamOf(info) == nil {
		return adapter.SendNoContent(ctx, info, odataErrors)
	}
	received, err := adapter.SendPrimitive(ctx, info, bytesType, odataErrors)
	if err != nil || result == nil {
		return err
	}
	content, _ := received.([]byte)
	return decode(content, result)
}

// rawRequest returns the request of a Call.
func rawRequest(adapter abstractions.RequestAdapter, method, path string, body any) (*abstractions.RequestInformation, error) {
	verb, ok := parseMethod(method)
	if !ok {
		return nil, errRefused.New("method", errors.New("the method is not one of HTTP in upper case"))
	}
	if strings.HasPrefix(path, "/") {
		path = adapter.GetBaseUrl() + path
	}
	path, query, hasQuery := strings.Cut(path, "?")
	if hasQuery {
		path += "?" + strings.ReplaceAll(query, " ", "%20")
	}
	u, err := url.Parse(path)
	if err != nil {
		return nil, errForeignURL.New("malformed", nil)
	}
	info := abstractions.NewRequestInformation()
	info.Method = verb
	info.SetUri(*u)
	info.Headers.Add("Accept", "application/json, */*;q=0.5")
	return info, addBody(info, body)
}

func addBody(info *abstractions.RequestInformation, body any) error {
	switch body := body.(type) {
	case nil:
	case []byte:
		info.SetStreamContentAndContentType(body, "application/octet-stream")
	default:
		content, err := json.Marshal(body)
		if err != nil {
			return errRefused.New("body", errors.New("the body cannot be encoded as JSON"))
		}
		info.SetStreamContentAndContentType(content, "application/json")
	}
	return nil
}

func parseMethod(name string) (method abstractions.HttpMethod, ok bool) {
	for method = abstractions.GET; method <= abstractions.HEAD; method++ {
		if method.String() == name {
			return method, true
		}
	}
	return 0, false
}

// decode decodes the content of a response.
func decode(content []byte, result any) error {
	if raw, ok := result.(*[]byte); ok {
		*raw = content
		return nil
	}
	if len(content) == 0 {
		return errBadAnswer.New("unreadable", errors.New("the answer is empty"))
	}
	if err := json.Unmarshal(content, result); err != nil {
		return errBadAnswer.New("unreadable", err)
	}
	return nil
}

// WithHeader returns an option for [Call] that adds a header, such as ConsistencyLevel or Prefer.
func WithHeader(name, value string) abstractions.RequestOption {
	return &header{name, value}
}

type header struct{ name, value string }

// GetKey implements abstractions.RequestOption. Each header has a different key, because an option
// replaces another option with the same key.
func (h *header) GetKey() abstractions.RequestOptionKey {
	return abstractions.RequestOptionKey{Key: "github.com/fibermsal/fibermsal/graph.WithHeader " + h.name}
}
