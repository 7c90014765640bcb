package metadata

import (
	"encoding/json"
	"net/http"
	"sync/atomic"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
)

// Tamper changes documents before they are sent. Its zero value changes nothing.
type Tamper struct {
	change atomic.Pointer[func(document map[string]any)]
}

// Set makes f change every document from now on; nil ends it.
func (t *Tamper) Set(f func(document map[string]any)) {
	if f == nil {
		t.change.Store(nil)
		return
	}
	t.change.Store(&f)
}

// apply returns the document as it is sent.
func (t *Tamper) apply(document any) any {
	change := t.change.Load()
	if change == nil {
		return document
	}
	text, err := json.Marshal(document)
	members := map[string]any{}
	if err == nil {
		err = json.Unmarshal(text, &members)
	}
	if err != nil {
		panic("entratest: " + err.Error()) // a document of this package
	}
	(*change)(members)
	return members
}

func (t *Tamper) write(w http.ResponseWriter, document any) {
	aadsts.PublicHeaders(w.Header())
	aadsts.WriteJSON(w, http.StatusOK, t.apply(document))
}
