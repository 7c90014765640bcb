package main

// browsers are mutants of the checks of where browsers are sent, what they may do and show, and of which
// hosts get tokens.
var browsers = []mutant{
	{
		id: "C1", check: "every reading of a return path stays on this origin",
		file: "internal/returnto/returnto.go", from: "for range 3 {", to: "for range 1 {",
		pkg: "internal/returnto", run: "TestClean",
	},
	{
		id: "C1", check: "a return path does not begin with a host",
		file: "internal/returnto/returnto.go", from: "strings.IndexAny(path[1:], `/\\`) == 0", to: `strings.HasPrefix(path, "//")`,
		pkg: "internal/returnto", run: "TestClean",
	},
	{
		id: "C1", check: "a return path does not climb",
		file: "internal/returnto/returnto.go", from: `if segment == "." || segment == ".." {`, to: `if segment == "." {`,
		pkg: "internal/returnto", run: "TestClean",
	},
	{
		id: "C1", check: "a backslash in a return path is a slash",
		file: "internal/returnto/returnto.go", from: `return r == '/' || r == '\\'`, to: `return r == '/'`,
		pkg: "internal/returnto", run: "TestClean",
	},
	{
		id: "C2", check: "a return path has no line breaks, however it is encoded",
		file: "internal/returnto/returnto.go", from: "return r < 0x20 || r == 0x7f", to: "return r == 0x7f",
		pkg: "internal/returnto", run: "TestClean",
	},
	{
		id: "C3", check: "a sign-out by a handler leads to a path of the app",
		file: "internal/web/logout.go", from: "target = s.publicPath(s.DestinationOf(i.To).Path())", to: "target = i.To",
		pkg: ".", run: "TestSignOut_ByAHandler",
	},
	{
		id: "C4", check: "another site of the same domain cannot sign a user out",
		file: "internal/web/logout.go", from: `own := site == "same-origin" || site == "none"`, to: `own := site == "same-origin" || site == "same-site" || site == "none"`,
		pkg: ".", run: "TestC4_SignOutNeedsTheUser",
	},
	{
		id: "C4", check: "an old browser's sign-out comes from the app's origin",
		file: "internal/web/logout.go", from: "strings.EqualFold(origin, h.Origin)", to: "strings.HasPrefix(strings.ToLower(origin), h.Origin)",
		pkg: ".", run: "TestC4_SignOutFallsBack",
	},
	{
		id: "C4", check: "a front-channel sign-out names the right issuer, if it names one",
		file: "internal/web/logout.go", from: "if err == nil && !expected {", to: "if err != nil && !expected {",
		pkg: ".", run: "TestFrontChannel_SignOutAtEntra",
	},
	{
		id: "C6", check: "answers about a user are not stored",
		file: "internal/web/response.go", from: `const noStore = "no-store, private"`, to: `const noStore = "private"`,
		pkg: ".", run: "TestC6_AnswersAbout",
	},
	{
		id: "C6", check: "pages of a user are private",
		file: "exchange.go", from: "if len(header.Peek(fiber.HeaderCacheControl)) == 0 {", to: "if len(header.Peek(fiber.HeaderCacheControl)) == 1 {",
		pkg: ".", run: "TestC6_AnswersAbout",
	},
	{
		id: "C11", check: "a route answers to one spelling",
		file: "routes.go", from: "if c.Path() != c.Route().Path {", to: `if c.Path() == "" {`,
		pkg: ".", run: "TestC6_RoutesAnswer",
	},
	{
		id: "C8", check: "a token is sent to Graph's own origin",
		file: "graph/origin.go", from: `case originOf(u) != o || u.Opaque != "":`, to: `case u.Opaque != "":`,
		pkg: "graph", run: "TestC8_",
	},
	{
		id: "C8", check: "what middlewares make of a request is sent to Graph",
		file: "graph/transport.go", from: "if err := t.graph.check(r.URL); err != nil {", to: `if err := t.graph.check(r.URL); err != nil && r.Method == "" {`,
		pkg: "graph", run: "TestC8_",
	},
	{
		id: "C8", check: "downloads and uploads are encrypted",
		file: "graph/origin.go", from: `case !strings.EqualFold(u.Scheme, "https") || u.Opaque != "" || host == "":`, to: `case u.Opaque != "" || host == "":`,
		pkg: "graph", run: "TestC8_",
	},
	{
		id: "C8", check: "downloads and uploads reach no private network",
		file: "graph/origin.go", from: "case isPrivate(host) && !isPrivate(o.hostname()):", to: `case host == "localhost" && !isPrivate(o.hostname()):`,
		pkg: "graph", run: "TestC8_",
	},
	{
		id: "C9", check: "a photo is of a type that cannot contain a script",
		file: "graph/photo.go", from: `case "image/jpeg", "image/png", "image/gif", "image/webp":`, to: "default:",
		pkg: "graph", run: "TestC9_OnlyPictures",
	},
	{
		id: "C9", check: "a photo has a bounded size",
		file: "graph/photoloader.go", from: "= maxPhoto, false, nil", to: "= maxPhoto<<4, false, nil",
		pkg: "graph", run: "TestC9_OnlyPictures|TestC9_AHugePhoto",
	},
	{
		id: "C9", check: "a photo is sandboxed",
		file: "graph/picture.go", from: `"default-src 'none'; sandbox"`, to: `"default-src 'none'"`,
		pkg: "graph", run: "TestC9_Pictures|TestC9_OnlyPictures",
	},
	{
		id: "C10", check: "the library's pages name no site that may frame them",
		file: "internal/web/frame.go", from: "; frame-ancestors 'none'", to: "",
		pkg: ".", run: "TestC10_",
	},
}
