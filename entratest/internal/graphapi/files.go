package graphapi

import (
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
)

// file finds the file of a request: me/messages.json, for other methods than GET me/sendMail.post.json. The
// files of a user, users/{UPN}/messages.json, come before those of everybody.
func (c *Custom) file(method, version, below string, about *directory.Account) string {
	folder := ""
	if version == beta {
		folder = "beta/"
	}
	candidates := []string{folder + below}
	if first, _, rest := split(below); first == "me" && about != nil {
		candidates = []string{path.Join(folder+"users", about.UPN, rest), folder + below}
	}
	for _, candidate := range candidates {
		if name := c.named(candidate, method); name != "" {
			return name
		}
	}
	return ""
}

// named finds the file with that name and any extension.
func (c *Custom) named(name, method string) string {
	if !fs.ValidPath(name) {
		return ""
	}
	entries, err := fs.ReadDir(c.Files, path.Dir(name))
	if err != nil { // the folder does not exist
		return ""
	}
	prefix := path.Base(name) + "."
	if method != http.MethodGet && method != http.MethodHead {
		prefix += strings.ToLower(method) + "."
	}
	for _, entry := range entries {
		extension, ok := strings.CutPrefix(entry.Name(), prefix)
		if ok && !entry.IsDir() && !strings.Contains(extension, ".") {
			return path.Join(path.Dir(name), entry.Name())
		}
	}
	return ""
}

// write answers with the file. An empty one is an answer without content.
func (c *Custom) write(w http.ResponseWriter, name string) {
	content, err := fs.ReadFile(c.Files, name)
	switch {
	case err != nil:
		unreadable := &failure{status: http.StatusInternalServerError, code: "InternalServerError", message: err.Error()}
		unreadable.write(w)
		return
	case len(content) == 0:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	kind := mime.TypeByExtension(path.Ext(name))
	if path.Ext(name) == ".json" {
		kind = odataJSON
		w.Header().Set("OData-Version", "4.0")
	}
	if kind == "" {
		kind = "application/octet-stream"
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(content) // #nosec G705 -- files of the test; fails only if the client has gone
}
