package pages

import (
	"net/http"
)

// PickLogout asks which account to sign out.
func (p *Writer) PickLogout(w http.ResponseWriter, form Form, people []Person) {
	p.write(w, "pick-logout", http.StatusOK, page{
		Title: "Pick an account to sign out", Action: form.Action,
		Fields: fields(form.Params, "post_logout_redirect_uri", "state"), People: people,
	})
}

// SigningOut loads the frames and then goes on to the target.
func (p *Writer) SigningOut(w http.ResponseWriter, target string, frames []string) {
	p.write(w, "signing-out", http.StatusOK, page{Title: "You signed out of your account", Target: target, Frames: frames})
}

// SignedOut loads the frames and stays. unregistered is a target that is not registered, or empty.
func (p *Writer) SignedOut(w http.ResponseWriter, unregistered string, frames []string) {
	p.write(w, "signed-out", http.StatusOK, page{Title: "You signed out of your account", Target: unregistered, Frames: frames})
}
