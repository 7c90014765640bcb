package graph

import (
	stdjson "encoding/json"
	"errors"

	"github.com/microsoft/kiota-abstractions-go/serialization"
	json "github.com/microsoft/kiota-serialization-json-go"
)

// jsonParser is a faster version of Kiota's JSON parser that returns the same nodes. Kiota reads a
// response token by token, which takes several times as long, and a sixth of the time of a typed call.
type jsonParser struct {
	*json.JsonParseNodeFactory
}

func newJSONParser() jsonParser {
	return jsonParser{json.NewJsonParseNodeFactory()}
}

// GetRootParseNode implements serialization.ParseNodeFactory.
func (p jsonParser) GetRootParseNode(contentType string, content []byte) (serialization.ParseNode, error) {
	if valid, err := p.GetValidContentType(); err != nil || contentType != valid || len(content) == 0 {
		return p.JsonParseNodeFactory.GetRootParseNode(contentType, content) // which returns the error
	}
	var value any
	if err := stdjson.Unmarshal(content, &value); err != nil {
		return nil, errors.New("invalid json type")
	}
	return nodeOf(value), nil
}

// nodeOf returns the node that Kiota's parser would return for a value. It is nil for null.
func nodeOf(value any) *json.JsonParseNode {
	node := new(json.JsonParseNode)
	switch value := value.(type) {
	case map[string]any:
		properties := make(map[string]*json.JsonParseNode, len(value))
		for name, property := range value {
			properties[name] = nodeOf(property)
		}
		node.SetValue(properties)
	case []any:
		elements := make([]*json.JsonParseNode, len(value))
		for i, element := range value {
			elements[i] = nodeOf(element)
		}
		node.SetValue(elements)
	case string:
		node.SetValue(&value)
	case float64:
		node.SetValue(&value)
	case bool:
		node.SetValue(&value)
	default:
		return nil
	}
	return node
}
