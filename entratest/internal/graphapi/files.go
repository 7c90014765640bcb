package graphapi

import (
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
)

// file finds the file of a request: me/messages.json, for other methods than GET me/sendMail.post.json.
// The files of a user, which may be named by UPN or by object ID, take precedence over those for all
// users.
func (c *Custom) file(method, version, below string, t *issuer.AccessToken) string {
	folder := ""
	if version == beta {
		folder = "beta/"
	}
	for _, candidate := range candidates(below, t) {
		if name := c.named(folder+candidate, method); name != "" {
			return name
		}
	}
	return ""
}

// candidates are the names under which a path may be found. For Graph, /me, /users/{UPN} and /users/{object ID} are
// the same user.
func candidates(below string, t *issuer.AccessToken) []string {
	first, id, rest := split(below)
	about := t.Account
	if first == "users" {
		about = t.Tenant.Named(id)
	}
	if about == nil || first != "me" && first != "users" {
		return []string{below}
	}
	return []string{path.Join("users", about.UPN, rest), path.Join("users", about.ID, rest), below}
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

// write responds with the file. An empty file is a response without content.
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
