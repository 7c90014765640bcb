package graphapi

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/fibermsal/fibermsal/entratest/internal/ids"
)

const odataJSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

// setHeaders sets the headers of every response of Graph.
func setHeaders(h http.Header, r *http.Request) {
	id, client := ids.New(), r.Header.Get("client-request-id")
	if client == "" {
		client = id
	}
	h.Set("Cache-Control", "no-cache")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("Vary", "Accept-Encoding")
	h.Set("request-id", id)
	h.Set("client-request-id", client)
	h.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"Emulator","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"EMULATOR00000000"}}`)
	h.Set("x-ms-resource-unit", "1")
}

// property is one member of a JSON object; Graph's objects have an order.
type property struct {
	name  string
	value any
}

func writeObject(w http.ResponseWriter, object []property) {
	w.Header().Set("Content-Type", odataJSON)
	w.Header().Set("OData-Version", "4.0")
	_, _ = w.Write(encodeObject(object)) // fails only if the client has gone
}

func encodeObject(object []property) []byte {
	var out bytes.Buffer
	separator := byte('{')
	for _, p := range object {
		out.WriteByte(separator)
		name, _ := json.Marshal(p.name) // strings, numbers and lists: cannot fail
		value, _ := json.Marshal(p.value)
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
		separator = ','
	}
	out.WriteByte('}')
	return out.Bytes()
}
