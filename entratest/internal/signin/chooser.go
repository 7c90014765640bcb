package signin

import (
	"net/http"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/pages"
	"github.com/fibermsal/fibermsal/entratest/internal/photo"
	"github.com/fibermsal/fibermsal/entratest/internal/sso"
)

// maxListed is the maximum number of accounts in the chooser. Other users type their name.
const maxListed = 50

// showAccounts asks which account to sign in with.
func (s *Service) showAccounts(w http.ResponseWriter, req *request, signedIn []*sso.Login) {
	var people []pages.Person
	for _, a := range listed(req, signedIn) {
		person := pages.Describe(a)
		person.SignedIn, person.Hinted = loginOf(signedIn, a) != nil, a == req.hint
		people = append(people, person)
	}
	s.Pages.Accounts(w, req.form(), people)
}

// listed orders the chooser: the hinted account, those signed in, the rest.
func listed(req *request, signedIn []*sso.Login) []*directory.Account {
	var list []*directory.Account
	seen := map[*directory.Account]bool{}
	add := func(a *directory.Account) {
		if a != nil && !seen[a] && len(list) < maxListed && req.ofDomain(a) {
			seen[a] = true
			list = append(list, a)
		}
	}
	add(req.hint)
	for _, one := range signedIn {
		add(one.Account)
	}
	for _, t := range req.tenants {
		for _, a := range t.Accounts {
			add(a)
		}
	}
	return list
}

// ServePortrait serves the pictures of the accounts, without the token that Graph requires.
func (s *Service) ServePortrait(w http.ResponseWriter, r *http.Request, id string) {
	a := s.Directory.Find(id)
	if a == nil || a.Photo == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", "private, max-age=3600")
	_, _ = w.Write(photo.Resize(a.Photo, 96)) // fails only if the browser has gone
}
