package main

// sessions are mutants of the checks of sessions and their cookies.
var sessions = []mutant{
	{
		id: "D1", check: "a sign-in ends the session that the browser had when it began",
		file: "internal/session/create.go", from: "for _, id := range c.Replaced {", to: "for _, id := range c.Replaced[:0] {",
		pkg: ".", run: "TestD1_EverySignIn",
	},
	{
		id: "D1", check: "a sign-in ends the session that the browser has when it ends",
		file: "internal/signin/begin.go", from: "replaced := []string{replaces, v.callback.Present}", to: "replaced := []string{replaces}",
		pkg: ".", run: "TestD1_SessionGained",
	},
	{
		id: "D2", check: "a session token has one spelling",
		file: "internal/record/sessionid.go", from: "base64.RawURLEncoding.Strict()", to: "base64.RawURLEncoding",
		pkg: "internal/record", run: "TestSessionID",
	},
	{
		id: "D3", check: "a session ID is a hash of the token",
		file: "internal/record/sessionid.go", from: "sum := sha256.Sum256(raw[:])", to: "sum := raw",
		pkg: "internal/record", run: "TestSessionID",
	},
	{
		id: "D4", check: "scripts cannot read cookies",
		file: "internal/web/site.go", from: "HttpOnly: true", to: "HttpOnly: false",
		pkg: ".", run: "TestD4_CookieAttributes",
	},
	{
		id: "D4", check: "another site's POST does not bring the session's cookie",
		file: "internal/web/callback.go", from: "begun.Token, http.SameSiteLaxMode,", to: "begun.Token, http.SameSiteNoneMode,",
		pkg: ".", run: "TestD4_CookieAttributes",
	},
	{
		id: "D5", check: "of two session cookies a page accepts neither",
		file: "exchange.go", from: "differ = differ || string(v) != value", to: "differ = differ || len(v) == 0",
		pkg: ".", run: "TestD5_TwoCookies",
	},
	{
		id: "D5", check: "of two cookies of a name a route accepts neither",
		file: "internal/web/request.go", from: "if ok && v != value {", to: `if ok && v == "" {`,
		pkg: ".", run: "TestD5_",
	},
	{
		id: "D6", check: "without randomness no session begins",
		file: "internal/session/store.go", from: "if _, err := io.ReadFull(rand.Reader, raw); err != nil {", to: "if _, err := io.ReadFull(rand.Reader, raw); err != nil && len(raw) == 0 {",
		pkg: ".", run: "TestD6_NoRandomness",
	},
	{
		id: "D7", check: "the tokens of a session that ended are deleted",
		file: "internal/record/record.go", from: "return s.backend.Delete(ctx, s.key(name, Session), s.key(name, Tokens))", to: "return s.backend.Delete(ctx, s.key(name, Session))",
		pkg: ".", run: "TestD7_SignOutRemoves",
	},
	{
		id: "D8", check: "a renewal that finds the session gone stores nothing",
		file: "internal/token/recorded.go", from: "case errors.Is(err, record.ErrNotFound):\n\t\treturn false, nil\n",
		to:  "case errors.Is(err, record.ErrNotFound):\n\t\treturn false, c.pending.Records.Put(ctx, id, record.Tokens, content, ttl)\n",
		pkg: ".", run: "TestD8_SignOutWinsOverARefresh",
	},
	{
		id: "D9", check: "a record is written back over the version that was read (Redis)",
		file: "internal/record/redis.go", from: `if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end`, to: `if not redis.call("GET", KEYS[1]) then return 0 end`,
		pkg: "internal/record", run: "TestBackend_OneOfManySwaps|TestBackend_Contract",
	},
	{
		id: "D9", check: "a record is written back over the version that was read (memory)",
		file: "internal/record/memory.go", from: "if e == nil || !bytes.Equal(e.value, old) {", to: "if e == nil {",
		pkg: "internal/record", run: "TestBackend_OneOfManySwaps|TestBackend_Contract",
	},
	{
		id: "D9", check: "a record is written back over the version that was read (other storages)",
		file: "internal/record/plain.go", from: " || !bytes.Equal(current.Content, old) {", to: " {",
		pkg: "internal/record", run: "TestBackend_OneOfManySwaps|TestBackend_Contract",
	},
	{
		id: "D9", check: "a record is written back over the version that was read (file)",
		file: "internal/filestore/backend.go", from: "bytes.Equal(current.Content, old)", to: "bytes.Equal(old, old)",
		pkg: "internal/record", run: "TestBackend_OneOfManySwaps|TestBackend_Contract",
	},
	{
		id: "D9", check: "renewed tokens are written back with a comparison",
		file: "internal/token/recorded.go", from: "err = c.pending.Records.Swap(ctx, id, record.Tokens, version, content, ttl)", to: "err = c.pending.Records.Put(ctx, id, record.Tokens, content, ttl)",
		pkg: ".", run: "TestD9_ClientsOfTheApp",
	},
	{
		id: "D9", check: "what others have stored since is kept",
		file: "internal/token/recorded.go", from: "merged, err = tokencache.Merged(content, theirs)", to: "merged = append(theirs[:0:0], content...)",
		pkg: ".", run: "TestD9_ClientsOfTheApp",
	},
	{
		id: "D10", check: "a session that cannot be deleted has ended in this process",
		file: "internal/session/end.go", from: "if err != nil && !s.ended.Put(id, struct{}{}) {", to: "if err != nil && s == nil {",
		pkg: ".", run: "TestD10_StorageDown",
	},
	{
		id: "D11", check: "a session ends absolutely",
		file: "internal/session/session.go", from: "return !time.Now().Before(s.User.ExpiresAt)", to: "return s.User.ExpiresAt.IsZero()",
		pkg: ".", run: "TestD11_IdleAndAbsolute|TestOutage_StaleSessionsOnly",
	},
	{
		id: "D11", check: "a passive request prolongs no session",
		file: "internal/session/store.go", from: "if !passive {", to: "if !passive || s.IdleTimeout > 0 {",
		pkg: ".", run: "TestD11_PassiveRequests",
	},
	{
		id: "D11", check: "a session ends on a storage that ignores how long a value lives",
		file: "internal/record/timedvalue.go", from: "return v.Content != nil && !v.ExpiresAt.IsZero() && ", to: "return v.Content != nil && v.ExpiresAt.IsZero() && ",
		pkg: "internal/record", run: "TestD11_",
	},
	{
		id: "D12", check: "a sign-in that began before a mark is refused",
		file: "internal/record/create.go", from: "case marked >= age:", to: "case marked >= 0:",
		pkg: "internal/record", run: "TestD12_SignInsThatBeganBefore",
	},
	{
		id: "D12", check: "EndSessions marks the sign-ins under way",
		file: "internal/session/filter.go", from: "\t\t\tif refuse {", to: "\t\t\tif refuse && f.Part > 0 {",
		pkg: ".", run: "TestD12_NothingIsLeft",
	},
	{
		id: "D13", check: "a session inherits nothing from another user's",
		file: "internal/session/session.go", from: "if old == nil || !s.SameUser(old) {", to: "if old == nil {",
		pkg: ".", run: "TestD13_AnotherAccountInherits",
	},
	{
		id: "D13", check: "a silent sign-in is that of the session's user",
		file: "internal/signin/begin.go", from: "if r.Silent && (old == nil || !s.SameUser(old)) {", to: "if r.Silent && old == nil && s == nil {",
		pkg: ".", run: "TestD13_SilentSignIn|TestInteraction_SignOutWins",
	},
	{
		id: "D14", check: "a state opens as a state only",
		file: "internal/flow/state.go", from: `append([]string{"state"}, j.binding...)`, to: "append([]string{j.browser}, j.binding...)",
		pkg: "internal/flow", run: "TestD14_",
	},
}
