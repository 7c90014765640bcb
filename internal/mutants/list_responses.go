package main

// responses are mutants of the checks of authorization requests and responses.
var responses = []mutant{
	{
		id: "A1", check: "a response is finished only in the browser that began its sign-in",
		file: "internal/web/resume.go", from: "case a.IsForeign():\n\t\treturn", to: "case false:\n\t\treturn",
		pkg: ".", run: "TestA1_CallbackWithout|TestA2_AttackersResponse",
	},
	{
		id: "A2", check: "an attempt's secret is the one that belongs to its state",
		file: "internal/flow/browser.go", from: "subtle.ConstantTimeCompare(o[:], of[:]) == 1", to: "subtle.ConstantTimeCompare(o[:], of[:]) >= 0",
		pkg: "internal/flow", run: "TestA2_",
	},
	{
		id: "A2", check: "each attempt has a secret of its own",
		file: "internal/flow/browser.go", from: "\tall := append([][]byte{secret}",
		to:  "\tif len(b.secrets) > 0 {\n\t\treturn b, b.secrets[0], nil\n\t}\n\tall := append([][]byte{secret}",
		pkg: "internal/flow", run: "TestAttempt_SecretsAreIndependent",
	},
	{
		id: "A3", check: "a process sends the code of an attempt once",
		file: "internal/signin/redemption.go", from: "if err == nil && !first {", to: "if err != nil && !first {",
		pkg: ".", run: "TestA3_ReplayedCallback",
	},
	{
		id: "A3", check: "an attempt that another instance has completed is not completed again",
		file: "internal/signin/redemption.go", from: "case !first:", to: "case !first && err != nil:",
		pkg: ".", run: "TestA3_AnInstanceRefuses",
	},
	{
		id: "A4", check: "an attempt expires",
		file: "internal/flow/attempt.go", from: "return a.IsLate(now) || now.Sub", to: "return now.Sub",
		pkg: "internal/flow", run: "TestAttempt_IsSealedAndOpened",
	},
	{
		id: "A6", check: "the challenge's method is S256",
		file: "internal/signin/signin.go", from: `"code_challenge_method": "S256"`, to: `"code_challenge_method": "plain"`,
		pkg: ".", run: "TestA6_",
	},
	{
		id: "A7", check: "the code is redeemed with the PKCE verifier of its attempt",
		file: "internal/authority/redeem.go", from: "confidential.WithChallenge(verifier)", to: `confidential.WithChallenge("")`,
		pkg: ".", run: "TestA6_|TestA7_",
	},
	{
		id: "A8", check: "the nonce of the ID token is compared",
		file: "internal/idtoken/idtoken.go", from: `if nonce == "" || c.Nonce != nonce {`, to: `if nonce == "" {`,
		pkg: "internal/idtoken", run: "TestVerify$",
	},
	{
		id: "A8", check: "an attempt without a nonce accepts no ID token",
		file: "internal/idtoken/idtoken.go", from: `if nonce == "" || c.Nonce != nonce {`, to: `if c.Nonce != nonce {`,
		pkg: "internal/idtoken", run: "TestA8_",
	},
	{
		id: "A9", check: "a state opens only for the client ID that it was sealed for",
		file: "internal/flow/jar.go", from: `[]string{"flow", clientID, authority, redirectURI, responseMode}`, to: `[]string{"flow", "", authority, redirectURI, responseMode}`,
		pkg: "internal/flow", run: "TestD14_",
	},
	{
		id: "A9", check: "a state opens only for the redirect URI that it was sealed for",
		file: "internal/flow/jar.go", from: `[]string{"flow", clientID, authority, redirectURI, responseMode}`, to: `[]string{"flow", clientID, authority, "", responseMode}`,
		pkg: "internal/flow", run: "TestD14_",
	},
	{
		id: "A9", check: "the issuer in a response is an expected one",
		file: "internal/signin/callback.go", from: "if err == nil && !expected {", to: "if err != nil && !expected {",
		pkg: ".", run: "TestA9_IssuerInTheResponse",
	},
	{
		id: "A10", check: "what a page contains is escaped",
		file: "internal/markup/escape.go", from: `"&lt;"`, to: `"<"`,
		pkg: "internal/markup", run: "TestWriter_|FuzzWriter",
	},
	{
		id: "A10", check: "the text of an error with a foreign state is not logged",
		file: "internal/web/resume.go", from: "signin.UnverifiedRefusal(response)", to: "signin.Refusal(response)",
		pkg: ".", run: "TestA10_RefusalOfAForeignState|TestA10_ForgedDescriptions",
	},
	{
		id: "A10", check: "consent is confirmed only with a state of ours",
		file: "internal/web/consent.go", from: "case !known:", to: "case !known && !granted:",
		pkg: ".", run: "TestA10_ForgedConsent",
	},
	{
		id: "A11", check: "a field may appear once",
		file: "internal/flow/response.go", from: "if len(fields[name]) > 1 {", to: "if len(fields[name]) > 2 {",
		pkg: "internal/flow", run: "FuzzParseResponse",
	},
	{
		id: "A11", check: "a response has a code or an error",
		file: "internal/flow/response.go", from: `if r.Code != "" && r.Error != "" {`, to: `if r.Code != "" && r.Error != "" && r.State == "" {`,
		pkg: "internal/flow", run: "FuzzParseResponse",
	},
	{
		id: "A11", check: "no field of the protocol is in the query beside a form",
		file: "internal/web/callback.go", from: "if flow.HasProtocolFields(h.in.RawQuery) {", to: `if h.in.RawQuery == "?" && flow.HasProtocolFields(h.in.RawQuery) {`,
		pkg: ".", run: "TestA11_",
	},
	{
		id: "A12", check: "a response contains no NUL",
		file: "internal/flow/response.go", from: "!utf8.ValidString(text) || strings.ContainsRune(text, 0)", to: "!utf8.ValidString(text)",
		pkg: "internal/flow", run: "TestA12_",
	},
	{
		id: "A12", check: "a response has a bounded size",
		file: "internal/flow/response.go", from: "if len(raw) > MaxResponse || ", to: "if ",
		pkg: "internal/flow", run: "TestA12_",
	},
	{
		id: "A12", check: "a response has a bounded number of fields",
		file: "internal/flow/response.go", from: ` || strings.Count(raw, "&") >= maxFields {`, to: " {",
		pkg: "internal/flow", run: "TestA12_",
	},
	{
		id: "A12", check: "a response is a form",
		file: "internal/web/callback.go", from: `kind != "application/x-www-form-urlencoded"`, to: `kind == "-"`,
		pkg: ".", run: "TestA12_CallbackTakes",
	},
	{
		id: "A13", check: "a redirect does not repeat the POST",
		file: "internal/web/redirect.go", from: "r.Status = http.StatusSeeOther", to: "r.Status = http.StatusTemporaryRedirect",
		pkg: ".", run: "TestA13_",
	},
	{
		id: "A14", check: "the routes' URLs are in no referrer",
		file: "internal/web/response.go", from: `r.Header.Set("Referrer-Policy", "no-referrer")`, to: `r.Header.Set("Referrer-Policy", "unsafe-url")`,
		pkg: ".", run: "TestA14_SignInLeaves|TestC6_AnswersAbout",
	},
	{
		id: "A15", check: "a prefetch starts no sign-in",
		file: "internal/web/login.go", from: "if h.in.isPrefetch() {", to: "if h.in.isPrefetch() && h.in.isByHTMX() {",
		pkg: ".", run: "TestA15_Login",
	},
	{
		id: "A15", check: "an image, a frame or a script starts no sign-in",
		file: "internal/web/login.go", from: "if !h.in.mayNavigate() {", to: `if !h.in.mayNavigate() && h.in.Method == "" {`,
		pkg: ".", run: "TestA15_Login",
	},
	{
		id: "A15", check: "HEAD starts no sign-in where the framework serves it by the handlers of GET",
		file: "internal/web/routes.go", from: "if h.in.Method != r.Method {", to: `if h.in.Method == "" {`,
		pkg: "internal/nethttpface", run: "TestA15_",
	},
	{
		id: "A16", check: "sealed requirements open beside the session that they were sealed for",
		file: "internal/flow/sealedrequirements.go", from: `append([]string{"ask", session}, j.binding...)`, to: `append([]string{"ask", session[:0]}, j.binding...)`,
		pkg: "internal/flow", run: "TestA16_",
	},
	{
		id: "A16", check: "sealed requirements expire",
		file: "internal/flow/sealedrequirements.go", from: "if age > Lifetime || ", to: "if ",
		pkg: "internal/flow", run: "TestA16_",
	},
	{
		id: "H3", check: "a compressed response is refused",
		file: "internal/web/callback.go", from: ` || h.in.Header("Content-Encoding") != ""`, to: "",
		pkg: ".", run: "TestA12_CallbackTakes",
	},
}
