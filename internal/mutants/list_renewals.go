package main

// renewals are mutants of what decides about renewing tokens, which the security of sessions relies on
// when Entra or the storage fails.
var renewals = []mutant{
	{
		id: "G11", check: "an expired token is renewed under a lock of all instances",
		file: "internal/token/renewal.go", from: "release, err := n.lock(ctx)", to: "release, err := func() {}, error(nil)",
		pkg: ".", run: "TestG11_TwoInstancesRenew",
	},
	{
		id: "G12", check: "a lock is renewed while it is held",
		file: "internal/record/redislock.go", from: "go r.renewLock(lock, stop)", to: "_ = r.renewLock",
		pkg: "internal/record", run: "TestG12_",
	},
	{
		id: "G12", check: "a failed renewal of a lock is repeated before the lock expires",
		file: "internal/record/redislock.go", from: "pause = lockRenewalRetry", to: "pause = lockRenewal",
		pkg: "internal/record", run: "TestG12_",
	},
	{
		id: "G14", check: "renewed tokens that cannot be stored are stored later",
		file: "internal/token/renewal.go", from: "\t\tn.pending.keep(ctx, q, pending{version: version, content: content})\n", to: "",
		pkg: ".", run: "TestG14_TokenObtained",
	},
	{
		id: "G14", check: "the next renewal starts from tokens that are not stored yet",
		file: "internal/token/pending.go", from: "content = rebased.content", to: "_ = rebased.content",
		pkg: ".", run: "TestG14_WhatCouldNotBeStored",
	},
	{
		id: "G14", check: "what a client of the app writes keeps tokens that are not stored yet",
		file: "internal/token/recorded.go", from: "if content, err = waiting.mergeInto(content); err != nil {", to: "if err != nil {",
		pkg: ".", run: "TestG14_WhatWasReadBefore",
	},
	{
		id: "G14", check: "tokens that are not stored yet are kept until they are stored",
		file: "internal/token/pending.go", from: "if err := p.cache.Swap(ctx, p.version, p.content); err != nil {\n\t\treturn err\n\t}", to: "_ = p.cache.Swap(ctx, p.version, p.content)",
		pkg: ".", run: "TestG14_",
	},
	{
		id: "G14", check: "tokens that are not verified yet are not used",
		file: "internal/token/pending.go", from: "\t\tif p.unverified != nil {\n\t\t\treturn p, nil\n", to: "\t\tif p == nil {\n\t\t\treturn p, nil\n",
		pkg: ".", run: "TestB8_RefreshForAnotherUserEndsTheSessionWhen|TestG14_KeysThatCannot",
	},
	{
		id: "G14", check: "tokens that are not verified yet are verified before they are stored",
		file: "internal/token/pending.go", from: "\tif p.unverified != nil {\n\t\tswitch", to: "\tif p.unverified != nil && p.cache == nil {\n\t\tswitch",
		pkg: ".", run: "TestB8_RefreshForAnotherUserEndsTheSessionWhen",
	},
	{
		id: "G14", check: "a refresh token that is spent for tokens to be verified is not sent again",
		file: "internal/token/renewal.go", from: "waiting && p.unverified != nil {", to: "waiting && p.unverified != nil && p.cache == nil {",
		pkg: ".", run: "TestG14_KeysThatCannot",
	},
	{
		id: "G14", check: "no refresh token is spent while its result cannot be verified",
		file: "internal/token/renewal.go", from: "if err := n.Authority.CanVerify(ctx); err != nil {", to: "if err := n.Authority.CanVerify(ctx); err != nil && n == nil {",
		pkg: ".", run: "TestG14_KeysThatCannot",
	},
	{
		id: "G15", check: "a refresh token that Entra has refused is not sent again",
		file: "internal/token/renewal.go", from: "if err := state.rejectedFrom(string(found.version), time.Now()); err != nil {", to: "if err := state.rejectedFrom(string(found.version), time.Now()); err != nil && found.cache == nil {",
		pkg: ".", run: "TestG15_Revoked",
	},
	{
		id: "G16", check: "a renewal waits as long as Entra says",
		file: "internal/token/state.go", from: "if now.Before(k.retryAt) && k.failedVersion == nil {", to: "if now.Before(k.retryAt) && k.lastErr == nil {",
		pkg: ".", run: "TestG16_Throttled",
	},
	{
		id: "G26", check: "codes that Entra refuses are bounded",
		file: "internal/signin/allowance.go", from: "if a.used+1 > maxFailures {", to: "if a.used+1 > maxFailures<<10 {",
		pkg: ".", run: "TestG26_RefusedCodesStore",
	},
	{
		id: "G27", check: "a job gets no token for a user who has signed out",
		file: "entra/worker.go", from: "if present == nil {\n\t\treturn azcore.AccessToken{}, autherr.NotSignedIn.New(\"signed_out\", nil)\n", to: "if present == nil {\n\t\tpresent = s\n",
		pkg: ".", run: "TestG27_SignedOut",
	},
}
