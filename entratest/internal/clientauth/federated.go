package clientauth

import (
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
)

// checkFederated checks a token of another issuer. It may be used until it expires, because a workload
// reads the same one from its file again and again. The caller holds the lock.
func (c *Credentials) checkFederated(a *assertion) *aadsts.Error {
	var ofIssuer, ofSubject []Federated
	anyCase := false
	for _, f := range c.federated {
		if f.Issuer != a.claims.Issuer {
			continue
		}
		ofIssuer = append(ofIssuer, f)
		anyCase = anyCase || strings.EqualFold(f.Subject, a.claims.Subject)
		if f.Subject == a.claims.Subject {
			ofSubject = append(ofSubject, f)
		}
	}
	switch {
	case len(ofIssuer) == 0:
		return aadsts.New(700211, a.claims.Issuer)
	case len(ofSubject) == 0 && anyCase:
		return aadsts.New(7002138, a.claims.Subject)
	case len(ofSubject) == 0:
		return aadsts.New(700213, a.claims.Subject)
	}
	return a.matches(ofSubject)
}

// matches checks the rest of the token against the credentials with its issuer and subject.
func (a *assertion) matches(candidates []Federated) *aadsts.Error {
	audience := a.soleAudience()
	i := slices.IndexFunc(candidates, func(f Federated) bool { return f.Audience == audience })
	if i < 0 {
		return aadsts.New(700212, audience)
	}
	if fail := a.checkTime(0); fail != nil {
		return fail
	}
	if a.header.Algorithm != "RS256" { // entra: the only algorithm of workload identity federation
		return aadsts.New(5002730)
	}
	for _, key := range candidates[i].Keys {
		if ok, _ := a.verify(key); ok {
			return nil
		}
	}
	return aadsts.New(7000272, a.claims.Issuer)
}
