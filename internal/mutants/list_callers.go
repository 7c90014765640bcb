package main

// callers are mutants of the checks of access tokens, and of tokens on behalf of their users.
var callers = []mutant{
	{
		id: "B1", check: "the type of an access token is one of a JWT or an access token",
		file: "internal/accesstoken/claims.go", from: "if err != nil || h.HasType && !slices.Contains(types, strings.ToLower(h.Type)) {", to: "if err != nil {",
		pkg: "internal/accesstoken", run: "TestVerify_RefusesEachWrongToken",
	},
	{
		id: "B1", check: "the signature of an access token is verified",
		file: "internal/accesstoken/accesstoken.go", from: "case err != nil:\n\t\treturn nil, reject(BadSignature)", to: "case err != nil && p == nil:\n\t\treturn nil, reject(BadSignature)",
		pkg: "internal/accesstoken", run: "TestVerify_RefusesOtherTexts",
	},
	{
		id: "B3", check: "the version of an access token is known",
		file: "internal/accesstoken/accesstoken.go", from: "case p.Version != Version1 && p.Version != Version2:", to: `case p.Version == "-":`,
		pkg: "internal/accesstoken", run: "TestVerify_RefusesEachWrongToken",
	},
	{
		id: "B3", check: "the audience of an access token is this API",
		file: "internal/accesstoken/accesstoken.go", from: "case len(p.audiences) != 1 || !v.isAudience(p.Version, p.audiences[0]):", to: "case len(p.audiences) != 1:",
		pkg: "internal/accesstoken", run: "TestVerify_RefusesEachWrongToken",
	},
	{
		id: "B3", check: "an access token has one audience",
		file: "internal/accesstoken/accesstoken.go", from: "case len(p.audiences) != 1 || ", to: "case len(p.audiences) == 0 || ",
		pkg: "internal/accesstoken", run: "TestVerify_RefusesEachWrongToken",
	},
	{
		id: "B3", check: "an access token has a permission",
		file: "internal/accesstoken/accesstoken.go", from: "case len(p.Scopes) == 0 && len(p.Roles) == 0 && !v.WithoutPermission:", to: "case len(p.Scopes) == 0 && len(p.Roles) == 0 && v.WithoutPermission:",
		pkg: "internal/accesstoken", run: "TestVerify_RefusesEachWrongToken",
	},
	{
		id: "B3", check: "an ID token is no access token",
		file: "internal/accesstoken/claims.go", from: `case "nonce", "c_hash", "at_hash":`, to: `case "c_hash", "at_hash":`,
		pkg: "internal/accesstoken", run: "TestVerify_RefusesEachWrongToken",
	},
	{
		id: "B4", check: "the issuer of an access token is that of its tenant",
		file: "internal/accesstoken/accesstoken.go", from: "if p.Issuer != of(p.TenantID, issuer.Name) {", to: `if p.Issuer == "-" {`,
		pkg: "internal/accesstoken", run: "TestVerify_RefusesEachWrongToken",
	},
	{
		id: "B4", check: "the tenant of an access token may call",
		file: "internal/accesstoken/accesstoken.go", from: " || !v.Admits(p.TenantID):", to: ":",
		pkg: "internal/accesstoken", run: "TestVerify_RefusesEachWrongToken",
	},
	{
		id: "B6", check: "an access token expires",
		file: "internal/accesstoken/accesstoken.go", from: "at > c.Expiry+skew || ", to: "",
		pkg: "internal/accesstoken", run: "TestCheckTime_",
	},
	{
		id: "B6", check: "an access token is not valid before its time",
		file: "internal/accesstoken/accesstoken.go", from: "at < c.NotBefore-skew || ", to: "",
		pkg: "internal/accesstoken", run: "TestCheckTime_",
	},
	{
		id: "B6", check: "a claim that decides something has its JSON type",
		file: "internal/accesstoken/claims.go", from: "json.Unmarshal(value, field) != nil || rawjson.IsNull(value) || p.wrongTypes", to: "p.wrongTypes && rawjson.IsNull(value)",
		pkg: "internal/accesstoken", run: "TestVerify_RefusesTypes",
	},
	{
		id: "B6", check: "a remembered access token expires",
		file: "internal/api/caller.go", from: "if err := authority.CheckAccessToken(known.Token); err != nil {", to: "if err := authority.CheckAccessToken(known.Token); err != nil && known == nil {",
		pkg: ".", run: "TestAPI_ARememberedTokenExpires",
	},
	{
		id: "B9", check: "an app's own token is recognised by its subject",
		file: "internal/accesstoken/claims.go", from: "p.AppOnly = p.ObjectID == p.Subject || p.isUnscoped", to: "p.AppOnly = p.isUnscoped",
		pkg: "internal/accesstoken", run: "TestVerify_ReadsTheClaims",
	},
	{
		id: "B9", check: "an app's own token is recognised by idtyp",
		file: "internal/accesstoken/claims.go", from: "default: // app, or device\n\t\tp.AppOnly = true", to: "default: // app, or device\n\t\tp.AppOnly = false",
		pkg: "internal/accesstoken", run: "TestVerify_ReadsTheClaims",
	},
	{
		id: "B9", check: "a route for users accepts no app's own token",
		file: "internal/api/callers.go", from: "case app && c&AppTokens == 0:", to: "case app && c == 0:",
		pkg: ".", run: "TestAPI_AcceptsTheCallers",
	},
	{
		id: "B11", check: "a token whose object has a member twice is refused",
		file: "internal/jws/object.go", from: "distinct = distinct && seen.add(name)", to: "distinct = seen.add(name) || distinct",
		pkg: "internal/jws", run: "TestMembers_",
	},
	{
		id: "B11", check: "a token has one text",
		file: "internal/jws/object.go", from: "base64.RawURLEncoding.Strict()", to: "base64.RawURLEncoding",
		pkg: "internal/accesstoken", run: "TestVerify_RefusesOtherTexts",
	},
	{
		id: "B11", check: "an access token has a bounded length",
		file: "internal/accesstoken/claims.go", from: "if !ok || len(raw) > MaxLength {", to: "if !ok {",
		pkg: "internal/accesstoken", run: "TestVerify_BoundsTheLength",
	},
	{
		id: "B15", check: "the scopes of an access token are the required ones",
		file: "entra/scopecheck.go", from: "case len(authority.Missing(caller.Scopes, []string{name})) > 0:", to: "case len(authority.Missing(caller.Scopes, []string{name})) > 1:",
		pkg: ".", run: "TestAPI_AcceptsTheCallers",
	},
	{
		id: "A14", check: "a token in the query is refused",
		file: "internal/api/header.go", from: `if r.HasQuery("access_token") {`, to: `if r.HasQuery("access_token") && r == nil {`,
		pkg: "internal/api", run: "TestTokenOf_",
	},
	{
		id: "D5", check: "two headers with tokens are refused",
		file: "internal/api/header.go", from: "if count > 1 {", to: "if count > 2 {",
		pkg: "internal/api", run: "TestTokenOf_",
	},
	{
		id: "D5", check: "a token beside a cookie decides alone",
		file: "internal/web/caller.go", from: "\tcaller, err := v.Site.Tokens.Caller(v.Exchange.Context(), token)\n",
		to: "\tcaller, err := v.Site.Tokens.Caller(v.Exchange.Context(), token)\n" +
			"\tif err != nil && accepted&api.Sessions != 0 {\n\t\tv.token, v.loaded = nil, false\n\t\treturn v.SignedIn()\n\t}\n",
		pkg: ".", run: "TestAPI_ATokenIsNotMixed",
	},
	{
		id: "E2", check: "the token that is exchanged is the one that the guard verified",
		file: "internal/web/caller.go", from: " || v.session.ID != api.IDOf(token) {", to: " {",
		pkg: ".", run: "TestOnBehalf_AHeaderThatAHandlerReplaces",
	},
	{
		id: "B7", check: "a response on behalf of a caller is filed under the caller",
		file: "internal/authority/onbehalf.go", from: "case ok && account.TenantID == of.TenantID && account.ObjectID != of.UserID:", to: `case ok && account.ObjectID == "":`,
		pkg: ".", run: "TestG6_ResponsesOnBehalf",
	},
	{
		id: "B8", check: "the ID token of a response on behalf of a caller is the caller's",
		file: "internal/authority/onbehalf.go", from: "if claims.TenantID != of.TenantID || claims.ObjectID != of.UserID {", to: "if claims.TenantID != of.TenantID {",
		pkg: ".", run: "TestG6_ResponsesOnBehalf",
	},
	{
		id: "B9", check: "nothing is exchanged for an app's own token",
		file: "internal/token/onbehalf.go", from: "case caller.AppOnly:", to: `case caller.AppOnly && caller.ID == "":`,
		pkg: ".", run: "TestOnBehalf_AppsHaveNobody",
	},
	{
		id: "B6", check: "nothing is exchanged for a token that has expired",
		file: "internal/token/onbehalf.go", from: "case !time.Now().Before(caller.ExpiresAt):", to: "case caller.ExpiresAt.IsZero():",
		pkg: ".", run: "TestOnBehalf_NoTokenOutlives",
	},
	{
		id: "E9", check: "a record on behalf of a caller ends with the caller's token",
		file: "internal/token/outcome.go", from: "if end := q.session.User.ExpiresAt; until.After(end) {", to: "if end := q.session.User.ExpiresAt; end.IsZero() {",
		pkg: ".", run: "TestE9_RecordsOnBehalf",
	},
	{
		id: "E2", check: "a record on behalf of a caller is that caller's",
		file: "internal/token/onbehalf.go", from: `[]string{"on behalf of", b.Authority.Authority, q.session.ID, q.key}`, to: `[]string{"on behalf of", b.Authority.Authority, q.key}`,
		pkg: ".", run: "TestE13_RecordsOnBehalf",
	},
	{
		id: "C2", check: "a challenge's values do not leave their quotes",
		file: "internal/api/problem.go", from: `if r < ' ' || r > '~' || r == '"' || r == '\\' {`, to: `if r < ' ' || r > '~' {`,
		pkg: "internal/api", run: "TestChallenge_",
	},
	{
		id: "C11", check: "metadata is answered at its own path",
		file: "internal/api/resource.go", from: "(len(below) == 0 || string(below) == r.path())", to: "len(below) >= 0",
		pkg: ".", run: "TestMetadata_IsWhere",
	},
}
