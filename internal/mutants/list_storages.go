package main

// storages are mutants of the checks of what is read from the storage.
var storages = []mutant{
	{
		id: "E2", check: "a record opens in its own place",
		file: "internal/record/record.go", from: `sealed.Context("record", string(kind), s.key(name, kind), s.clientID)`, to: `sealed.Context("record", string(kind), s.clientID)`,
		pkg: ".", run: "TestE2_Records",
	},
	{
		id: "E2", check: "the place of a ciphertext is authenticated",
		file: "internal/sealed/sealed.go", from: "len(header)+len(context)), header...), context...)", to: "len(header)+len(context)), header...), context[:0]...)",
		pkg: "internal/sealed", run: "TestRing_",
	},
	{
		id: "E4", check: "what does not open is not parsed",
		file: "internal/session/store.go", from: "content, err := s.Records.Open(id, record.Session, sealed)\n",
		to: "content, err := s.Records.Open(id, record.Session, sealed)\n" +
			"\tif err != nil {\n\t\tcontent, err = sealed, nil\n\t}\n",
		pkg: ".", run: "TestE4_",
	},
	{
		id: "E5", check: "a record of an unknown key is left alone",
		file: "internal/session/store.go", from: "if errors.Is(err, record.ErrUnknownKey) {", to: "if errors.Is(err, record.ErrUnknownKey) && s == nil {",
		pkg: ".", run: "TestSession_NewerFormats|TestE5_KeysRotate",
	},
	{
		id: "B13", check: "keys have 32 bytes",
		file: "internal/sealed/sealed.go", from: "if len(secret) != KeySize {", to: "if len(secret) == 0 {",
		pkg: "internal/sealed", run: "TestRing_KeysHaveOneSize",
	},
	{
		id: "E6", check: "the session that a look-up finds has the mail address itself",
		file: "internal/session/offline.go", from: " || found.User.Mail != mail:", to: ":",
		pkg: ".", run: "TestE6_Sessions",
	},
	{
		id: "E6", check: "EndSessions by a mail address ends the sessions that have it",
		file: "internal/session/filter.go", from: `(f.Mail == "" || f.Mail == s.User.Mail) &&`, to: "f.Part >= 0 &&",
		pkg: ".", run: "TestE6_Sessions",
	},
	{
		id: "E9", check: "a record without a lifetime is not written",
		file: "internal/record/record.go", from: "if len(content) == 0 || ttl <= 0 {", to: "if len(content) == 0 {",
		pkg: "internal/record", run: "TestStore_",
	},
	{
		id: "E10", check: "an empty record is deleted",
		file: "internal/record/record.go", from: "if len(content) == 0 || ttl <= 0 {", to: "if ttl <= 0 {",
		pkg: "internal/record", run: "TestStore_",
	},
	{
		id: "E11", check: "a record that is not a session is removed",
		file: "internal/session/store.go", from: `json.Unmarshal(content, parsed) != nil || parsed.User.ID == ""`, to: `json.Unmarshal(content, parsed) != nil && parsed.User.ID == "-"`,
		pkg: "internal/session", run: "FuzzSessionRecord",
	},
	{
		id: "E12", check: "a user's sessions are bounded",
		file: "internal/record/backend.go", from: "excess := names[limit:]", to: "excess := names[len(names):]",
		pkg: "internal/record", run: "TestE12_|TestLists_",
	},
	{
		id: "E13", check: "an app accepts the sessions that began at it",
		file: "internal/session/store.go", from: `return session.Origin == "" || session.Origin == s.Origin`, to: `return session.Origin == "" || s.Origin != ""`,
		pkg: ".", run: "TestE13_AnotherAppOf",
	},
	{
		id: "G6", check: "the reply to another command is no mark",
		file: "internal/record/redismarks.go", from: "if !ok || len(values) > 1 {", to: "if !ok && len(values) > 9 {",
		pkg: "internal/record", run: "TestG6_",
	},
	{
		id: "G6", check: "the reply to another command ends no session",
		file: "internal/record/redislists.go", from: "case !ok:\n", to: "case !ok && age > 0:\n",
		pkg: "internal/record", run: "TestG6_",
	},
	{
		id: "G7", check: "a claim is its claimant's",
		file: "internal/record/memory.go", from: "return string(present.value) == value, nil", to: "return present != nil, nil",
		pkg: "internal/record", run: "TestBackend_OneOfManyClaimants",
	},
	{
		id: "G25", check: "a session that is gone from the storage is not served from memory",
		file: "internal/session/store.go", from: "\t\ts.cache.remove(id)\n\t\treturn nil, nil\n",
		to:  "\t\tif r := s.cache.confirmed(id, time.Hour); r != nil {\n\t\t\treturn r.session, nil\n\t\t}\n\t\treturn nil, nil\n",
		pkg: ".", run: "TestG25_|TestD7_SignOutRemoves",
	},
	{
		id: "G25", check: "a session that has changed in the storage is decoded again",
		file: "internal/session/cache.go", from: "ok && bytes.Equal(r.sealed, sealed); ok {", to: "ok && bytes.Equal(r.sealed, r.sealed); ok {",
		pkg: ".", run: "TestSession_RememberedOne",
	},
}

// logs are mutants of what keeps credentials out of logs and errors.
var logs = []mutant{
	{
		id: "F1", check: "a bearer token is taken out of a text",
		file: "internal/redact/redact.go", from: "(bearer|basic)", to: "(basic)",
		pkg: "internal/redact", run: "TestText",
	},
	{
		id: "F1", check: "a JWT is taken out of a text",
		file: "internal/redact/redact.go", from: "`eyJ[A-Za-z0-9_\\-.]+`", to: "`eyJ[ ]+`",
		pkg: "internal/redact", run: "TestText",
	},
	{
		id: "F1", check: "the password of a URL is taken out of a text",
		file: "internal/redact/redact.go", from: "`://[^\\s\"]*@`", to: "`://[^\\s\"]*@@`",
		pkg: "internal/redact", run: "TestText",
	},
	{
		id: "F1", check: "a credential that is cut off is not shown",
		file: "internal/redact/redact.go", from: "+1] + mark, true", to: "+1] + s[strings.LastIndexAny(s, \" \\t\\r\\n\\\"\")+1:], true",
		pkg: "internal/redact", run: "TestText_OfACredential",
	},
	{
		id: "F1", check: "the cause of an error has no credentials",
		file: "internal/redact/redact.go", from: "return &Error{text: TextOf(err), kept: kept}", to: "return &Error{text: err.Error(), kept: kept}",
		pkg: "internal/redact", run: "TestWrap",
	},
	{
		id: "F1", check: "the cause of an error that an app has made is logged without credentials",
		file: "internal/autherr/error.go", from: "redact.TextOf(e.Err)", to: "redact.TextOf(e.Err)[:0]+e.Err.Error()",
		pkg: "internal/autherr", run: "TestF1_",
	},
	{
		id: "F2", check: "the error of a Redis URL does not repeat it",
		file: "internal/redisclient/url.go", from: "case err != nil:\n\t\treturn nil, reservedLetters()", to: "case err != nil:\n\t\treturn nil, err",
		pkg: "internal/redisclient", run: "FuzzNew",
	},
	{
		id: "F3", check: "a text is one line of the log",
		file: "internal/redact/redact.go", from: "if r < ' ' || (r >= 0x7f", to: "if (r >= 0x7f",
		pkg: "internal/redact", run: "TestText$",
	},
	{
		id: "F4", check: "a printed Config has no secret",
		file: "entra/configprinting.go", from: `"ClientID": cfg.ClientID, `, to: `"ClientID": cfg.ClientID, "ClientSecret": cfg.ClientSecret, `,
		pkg: ".", run: "TestF4_PrintingShows",
	},
}
