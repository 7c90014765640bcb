package main

// identities are mutants of the checks of ID tokens and of whose tokens a user gets.
var identities = []mutant{
	{
		id: "B1", check: "a signature is RS256",
		file: "internal/idtoken/keys.go", from: "if !h.IsRS256() {", to: `if !h.IsRS256() && h.KeyID == "" {`,
		pkg: "internal/idtoken", run: "TestB1_",
	},
	{
		id: "B1", check: "an ID token's header brings no key along",
		file: "internal/idtoken/idtoken.go", from: "if err != nil || h.HasKey {", to: "if err != nil {",
		pkg: "internal/idtoken", run: "TestB1_",
	},
	{
		id: "B1", check: "a header that must be understood is refused",
		file: "internal/jws/header.go", from: `case "crit", "b64":`, to: `case "b64":`,
		pkg: "internal/idtoken", run: "TestB1_",
	},
	{
		id: "B1", check: "the signature is verified",
		file: "internal/idtoken/keys.go", from: "sum[:], h.Signature) == nil {", to: "sum[:], h.Signature) != errOtherKey {",
		pkg: "internal/idtoken", run: "TestB1_",
	},
	{
		id: "B1", check: "keys are long enough",
		file: "internal/idtoken/keys.go", from: " && public.N.BitLen() >= minKeyBits {", to: " {",
		pkg: "internal/idtoken", run: "FuzzKeys",
	},
	{
		id: "B2", check: "unknown key IDs do not flood the authority",
		file: "internal/idtoken/keys.go", from: "due = now.Sub(s.forcedAt) >= keysMinPause", to: "due = now.After(s.forcedAt)",
		pkg: "internal/idtoken", run: "TestB2_",
	},
	{
		id: "B3", check: "the audience of an ID token is the client",
		file: "internal/idtoken/idtoken.go", from: "return len(c.Audience) == 1 && c.Audience[0] == v.ClientID", to: "return len(c.Audience) == 1",
		pkg: "internal/idtoken", run: "TestVerify_RefusesEachWrongClaim",
	},
	{
		id: "B3", check: "an ID token of several audiences is for this party",
		file: "internal/idtoken/idtoken.go", from: "slices.Contains(c.Audience, v.ClientID) && c.AuthorizedParty == v.ClientID", to: "slices.Contains(c.Audience, v.ClientID)",
		pkg: "internal/idtoken", run: "TestVerify_RefusesEachWrongClaim",
	},
	{
		id: "B4", check: "the tenant of an ID token may sign in",
		file: "internal/idtoken/idtoken.go", from: "case !v.admits(c.TenantID):", to: "case !v.admits(c.TenantID) && !v.AnyTenant:",
		pkg: "internal/idtoken", run: "TestVerify_RefusesEachWrongClaim",
	},
	{
		id: "B4", check: "the tenant of an ID token is one of the list",
		file: "internal/idtoken/idtoken.go", from: "return slices.Contains(v.Tenants, tenant)", to: "return discovery.IsGUID(tenant)",
		pkg: "internal/idtoken", run: "TestVerify_RefusesEachWrongClaim",
	},
	{
		id: "B4", check: "personal accounts do not sign in with any tenant",
		file: "internal/idtoken/idtoken.go", from: " && (v.Personal || tenant != ConsumersTenant)", to: "",
		pkg: "internal/idtoken", run: "TestVerify_RefusesEachWrongClaim",
	},
	{
		id: "B4", check: "the issuer of an ID token is that of its tenant",
		file: "internal/idtoken/idtoken.go", from: "case c.Issuer != issuer:", to: `case c.Issuer == "":`,
		pkg: "internal/idtoken", run: "TestVerify_RefusesEachWrongClaim",
	},
	{
		id: "B4", check: "the token endpoint and the keys are on the authority's host",
		file: "internal/discovery/metadata.go", from: "if !isAt(address, a) {", to: `if address == "" {`,
		pkg: "internal/discovery", run: "TestTransport_Verifies",
	},
	{
		id: "B4", check: "a session ends when its tenant may no longer sign in",
		file: "internal/session/store.go", from: "case !s.Admits(r.session.User.TenantID):", to: `case r.session.User.TenantID == "":`,
		pkg: ".", run: "TestB4_ATenantThatMay",
	},
	{
		id: "B5", check: "a key signs for the issuer that it names",
		file: "internal/idtoken/keys.go", from: "return k.issuer == issuer", to: "return true",
		pkg: "internal/idtoken", run: "TestNamedBy_",
	},
	{
		id: "B5", check: "a key that names no issuer is not another's",
		file: "internal/idtoken/keys.go", from: "if len(named) > 0 && ", to: "if len(named) > 9 && ",
		pkg: "internal/idtoken", run: "TestNamedBy_",
	},
	{
		id: "B6", check: "an ID token expires",
		file: "internal/idtoken/idtoken.go", from: "if !plausible(*c.Expiry) || at > *c.Expiry+skew {", to: "if !plausible(*c.Expiry) {",
		pkg: "internal/idtoken", run: "TestVerify_RefusesEachWrongClaim",
	},
	{
		id: "B6", check: "an ID token is not of the future",
		file: "internal/idtoken/idtoken.go", from: "(!plausible(*earliest) || at < *earliest-skew)", to: "!plausible(*earliest)",
		pkg: "internal/idtoken", run: "TestVerify_RefusesEachWrongClaim",
	},
	{
		id: "B6", check: "times that no clock has shown are refused",
		file: "internal/idtoken/idtoken.go", from: "seconds > 0 && seconds < 1e11", to: "seconds != 0",
		pkg: "internal/idtoken", run: "TestVerify_RefusesEachWrongClaim",
	},
	{
		id: "B6", check: "an ID token without an object ID is refused",
		file: "internal/idtoken/idtoken.go", from: `c.ObjectID == "" || `, to: "",
		pkg: "internal/idtoken", run: "TestVerify_RefusesEachWrongClaim",
	},
	{
		id: "B6", check: "an ID token without a subject is refused",
		file: "internal/idtoken/idtoken.go", from: `c.Subject == "" || `, to: "",
		pkg: "internal/idtoken", run: "TestVerify_RefusesEachWrongClaim",
	},
	{
		id: "B7", check: "the tokens of a sign-in are filed under the verified user",
		file: "internal/signin/account.go", from: "return strings.EqualFold(account.ObjectID, c.ObjectID)", to: `return account.ObjectID != ""`,
		pkg: ".", run: "TestB7_AccountOfTheTokens",
	},
	{
		id: "B7", check: "a guest's tokens are filed under their home",
		file: "internal/signin/account.go", from: `return home == "" || strings.EqualFold(home, account.TenantID)`, to: `return home == "" || account.TenantID != ""`,
		pkg: ".", run: "TestB7_TheHomeOfAGuest",
	},
	{
		id: "B8", check: "a refresh returns the tokens of the session's account",
		file: "internal/authority/verify.go", from: "if !r.hasAccount || r.account.String() != holder.Account {", to: "if !r.hasAccount {",
		pkg: ".", run: "TestB8_RefreshForAnotherUserEndsTheSession$",
	},
	{
		id: "B8", check: "a refresh returns the session's user",
		file: "internal/authority/verify.go", from: "claims.TenantID != holder.TenantID || claims.ObjectID != holder.UserID || ", to: "claims.TenantID != holder.TenantID || ",
		pkg: ".", run: "TestB8_RefreshForAnotherUserEndsTheSession$",
	},
	{
		id: "B9", check: "a mail address of two users finds neither",
		file: "internal/session/offline.go", from: `case user != "" && user != found.User.ID:`, to: `case user == "-":`,
		pkg: ".", run: "TestB9_MailSharedInOneTenant|TestWorker_MailOfTwoPeople",
	},
	{
		id: "B10", check: "a mail address is ASCII",
		file: "internal/mailaddr/mailaddr.go", from: " || hasNonASCII(raw) ||", to: " ||",
		pkg: "internal/mailaddr", run: "FuzzNormalize",
	},
	{
		id: "B10", check: "the local part of a mail address is a dot-atom",
		file: "internal/mailaddr/mailaddr.go", from: "!dotted(local, atext) || ", to: `local == "" || `,
		pkg: "internal/mailaddr", run: "FuzzNormalize",
	},
	{
		id: "B11", check: "an ID token has a bounded length",
		file: "internal/idtoken/idtoken.go", from: "if len(raw) > maxLength {", to: "if len(raw) > maxLength<<10 {",
		pkg: "internal/idtoken", run: "TestB11_",
	},
	{
		id: "B12", check: "the group that Config.Groups names is the required one",
		file: "entra/groups.go", from: "member = overlap(ids, lowered(of))", to: "member = len(of) > 0 || overlap(ids, nil)",
		pkg: ".", run: "TestB12_GroupsFailClosed",
	},
	{
		id: "B12", check: "a group of the claim is the required one",
		file: "entra/check.go", from: "if overlap(ids, lowered(s.Groups)) {", to: "if len(s.Groups) > 0 {",
		pkg: ".", run: "TestB12_GroupsFailClosed",
	},
	{
		id: "B13", check: "without the storage nobody is anonymous, unless the app wants that",
		file: "internal/web/answer.go", from: "if v.err != nil && !v.Site.AnonymousOnOutage &&", to: "if v.err != nil && v.Site.AnonymousOnOutage &&",
		pkg: ".", run: "TestOutage_IsNoSignIn|TestOutage_AnonymousOnlyByChoice",
	},
	{
		id: "B13", check: "HasRole is about the role",
		file: "entra/check.go", from: "return slices.Contains(user.Roles, r)", to: `return len(user.Roles) > 0 || r == ""`,
		pkg: ".", run: "TestChecks_Combine",
	},
	{
		id: "B14", check: "the required authentication context is in the ID token",
		file: "internal/signin/requirements.go", from: "return strings.EqualFold(id, r.AuthContext)", to: `return strings.EqualFold(id, r.AuthContext) || id != ""`,
		pkg: ".", run: "TestAuthContext_MustBeInTheIDToken",
	},
	{
		id: "B14", check: "the user has authenticated as lately as required",
		file: "internal/signin/requirements.go", from: "case !AuthenticatedWithin(authenticatedAt, r.MaxAge):", to: "case !AuthenticatedWithin(authenticatedAt, r.MaxAge<<10):",
		pkg: ".", run: "TestMaxAge_IsNotToBeTalkedOutOf",
	},
	{
		id: "B14", check: "requirements that do not fit are refused",
		file: "internal/flow/requirements.go", from: "if err == nil && len(content) > maxRequirements {", to: "if err == nil && len(content) > maxRequirements<<1 {",
		pkg: "internal/flow", run: "TestRequirements_AreSealed",
	},
	{
		id: "B14", check: "a loop of sign-ins ends",
		file: "internal/flow/tries.go", from: "t.pages[i].Count >= maxTries", to: "t.pages[i].Count >= maxTries<<10",
		pkg: ".", run: "TestInteraction_LoopEnds",
	},
	{
		id: "B15", check: "HasScope is about the scopes that were granted",
		file: "entra/scopecheck.go", from: "return append(authority.Missing(of.Scopes, own), elsewhere...), err", to: "return append(own[:0], elsewhere...), err",
		pkg: ".", run: "TestChecks_Combine",
	},
}
