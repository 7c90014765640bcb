// Signs in at cmd/entra-emulator with MSAL Node, as a web app on another stack would.
// The emulator is also for such apps, and Microsoft's own library is the best check of
// its answers. MSAL Node checks more of them than MSAL Go does: the issuer, the nonce,
// and which errors require interaction.
//
//   entra-emulator -auto -ca-out ca.pem -certificate app.pem > ready.json
//   EMULATOR="$(cat ready.json)" REDIRECT_URI=http://localhost/user/authorized \
//     CERTIFICATE=app.pem PRIVATE_KEY=app.key NODE_EXTRA_CA_CERTS=ca.pem node check.mjs
//
// msalnode_test.go does the same, with a new emulator for each run, because the emulator
// remembers consent. MSAL Node 7 requires Node 20, but what is used here also works with
// Node 18 of Debian 12.

import assert from "node:assert/strict";
import { X509Certificate, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  ConfidentialClientApplication,
  CryptoProvider,
  InteractionRequiredAuthError,
  ResponseMode,
  ServerError,
} from "@azure/msal-node";

const emulator = JSON.parse(process.env.EMULATOR); // the line that the emulator printed
const redirectUri = process.env.REDIRECT_URI;
const scopes = ["User.Read"];
const random = new CryptoProvider();

// Nothing but the emulator may be called over the network. The statuses of the token
// endpoint are recorded.
let tokenCalls = [];
const { fetch } = globalThis;
globalThis.fetch = async (url, options) => {
  const { hostname, pathname } = new URL(url);
  assert.equal(hostname, "127.0.0.1", `a call to ${url}`);
  const response = await fetch(url, options);
  if (pathname.endsWith("/oauth2/v2.0/token")) {
    tokenCalls.push(response.status);
  }
  return response;
};

function newApp(credential = { clientSecret: emulator.client_secret }) {
  return new ConfidentialClientApplication({
    auth: {
      clientId: emulator.client_id,
      authority: emulator.authority,
      // MSAL Node knows the hosts of Microsoft's clouds and asks
      // login.microsoftonline.com about other hosts. knownAuthorities declares this one
      // trusted, by host and port. Nothing else is needed: authorityMetadata would save
      // the call for the endpoints, but this check includes the emulator's discovery
      // document, and cloudDiscoveryMetadata is for clouds with several names.
      knownAuthorities: [new URL(emulator.authority).host],
      ...credential,
    },
  });
}

function person(name) {
  const found = emulator.users.find((user) => user.name === name);
  assert.ok(found, `no ${name} in the directory`);
  return found;
}

// authorize opens the sign-in page and returns Entra's response, with the request that
// redeems its code.
async function authorize(app, user, changes = {}) {
  const { verifier, challenge } = await random.generatePkceCodes();
  const request = {
    scopes,
    redirectUri,
    state: random.createNewGuid(),
    nonce: random.createNewGuid(),
    loginHint: user.upn,
    responseMode: ResponseMode.QUERY,
    codeChallenge: challenge,
    codeChallengeMethod: "S256",
    ...changes,
  };
  const url = new URL(await app.getAuthCodeUrl(request));
  assert.equal(url.searchParams.get("code_challenge_method"), "S256");
  const answer = await visit(url, request.responseMode);
  assert.ok(answer.code, `no code: ${JSON.stringify(answer)}`);
  const { state, nonce } = request;
  return { answer, redemption: { code: answer.code, codeVerifier: verifier, scopes: request.scopes, redirectUri, state, nonce } };
}

// visit stands in for a browser. Only browsers resolve names below localhost themselves.
async function visit(url, responseMode) {
  if (url.hostname.endsWith(".localhost")) {
    url.hostname = "127.0.0.1";
  }
  const response = await globalThis.fetch(url, { redirect: "manual" });
  const page = await response.text();
  if (responseMode === ResponseMode.QUERY) {
    assert.equal(response.status, 302, page);
    const location = new URL(response.headers.get("location"));
    assert.equal(location.origin + location.pathname, redirectUri);
    return Object.fromEntries(location.searchParams);
  }
  assert.equal(response.status, 200, page);
  assert.match(page, /<form method="POST"/);
  assert.equal(unescape(page.match(/<form [^>]*action="([^"]*)"/)[1]), redirectUri);
  const fields = page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g);
  return Object.fromEntries([...fields].map(([, name, value]) => [unescape(name), unescape(value)]));
}

function unescape(html) {
  const named = { amp: "&", lt: "<", gt: ">", quot: '"' };
  return html.replace(/&(?:#(\d+)|(\w+));/g, (_, code, name) => (code ? String.fromCodePoint(code) : named[name]));
}

// signIn does both steps and returns what an app keeps: the result with the account.
async function signIn(app, user, changes) {
  const { answer, redemption } = await authorize(app, user, changes);
  return app.acquireTokenByCode(redemption, answer);
}

async function me(accessToken) {
  const response = await globalThis.fetch(`${emulator.graph_url}/me`, { headers: { Authorization: `Bearer ${accessToken}` } });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}

// refused expects the token endpoint to refuse with one of Entra's error numbers.
async function refused(promise, { status = 400, error = "invalid_grant", number, type = ServerError }) {
  const e = await promise.then(() => assert.fail(`AADSTS${number} was expected`), (e) => e);
  assert.ok(e instanceof type, `${e.name} instead of ${type.name}: ${e}`);
  assert.equal(e.errorCode, error);
  assert.equal(String(e.errorNo), String(number));
  assert.ok(e.errorMessage.includes(`AADSTS${number}: `), e.errorMessage);
  assert.equal(tokenCalls.at(-1), status);
  return e;
}

for (const { name, responseMode, homeAccountId } of [
  { name: "Adele Vance", responseMode: ResponseMode.QUERY },
  // A guest: the account has the IDs of its home tenant, and the token is from this tenant.
  {
    name: "Pradeep Gupta",
    responseMode: ResponseMode.FORM_POST,
    homeAccountId: "7fa096fb-af54-4e53-8283-51a0be605f06.bbbbcccc-1111-dddd-2222-eeee3333ffff",
  },
]) {
  test(`${name} signs in, ${responseMode}`, async () => {
    const app = newApp();
    const user = person(name);
    const { answer, redemption } = await authorize(app, user, { responseMode });
    assert.equal(answer.state, redemption.state);

    const result = await app.acquireTokenByCode(redemption, answer);
    assert.equal(result.fromCache, false);
    assert.equal(result.tokenType, "Bearer");
    assert.equal(result.tenantId, emulator.tenant_id);
    assert.equal(result.uniqueId, user.id);
    assert.ok(result.expiresOn > new Date(), `expires ${result.expiresOn}`);
    assert.ok(result.scopes.includes("User.Read"), `for ${result.scopes}`);

    const { account, idTokenClaims } = result;
    assert.equal(account.homeAccountId, homeAccountId ?? `${user.id}.${emulator.tenant_id}`);
    assert.equal(account.localAccountId, user.id);
    assert.equal(account.tenantId, emulator.tenant_id);
    assert.equal(account.username, user.upn);
    assert.equal(account.name, name);
    assert.equal(account.environment, new URL(emulator.authority).host);
    assert.equal(idTokenClaims.nonce, redemption.nonce);
    assert.equal(idTokenClaims.iss, `${emulator.authority}/v2.0`);
    assert.equal(idTokenClaims.aud, emulator.client_id);

    const { id, displayName, userPrincipalName, mail } = await me(result.accessToken);
    assert.deepEqual(
      { id, displayName, userPrincipalName, mail },
      { id: user.id, displayName: name, userPrincipalName: user.upn, mail: user.mail },
    );
  });

  test(`${name} stays signed in`, async () => {
    const app = newApp();
    const first = await signIn(app, person(name));

    // As in another request, perhaps on another instance: a new client with the stored cache.
    const other = newApp();
    other.getTokenCache().deserialize(app.getTokenCache().serialize());
    const account = await other.getTokenCache().getAccountByHomeId(first.account.homeAccountId);
    assert.ok(account, "the account is not in the cache");
    tokenCalls = [];
    const cached = await other.acquireTokenSilent({ account, scopes });
    assert.equal(cached.fromCache, true);
    assert.equal(cached.accessToken, first.accessToken);
    assert.deepEqual(tokenCalls, []);

    const renewed = await other.acquireTokenSilent({ account, scopes, forceRefresh: true });
    assert.equal(renewed.fromCache, false);
    assert.notEqual(renewed.accessToken, first.accessToken);
    assert.equal(renewed.account.homeAccountId, first.account.homeAccountId);
    assert.equal(renewed.idTokenClaims.oid, person(name).id);
    assert.deepEqual(tokenCalls, [200]);
    assert.equal((await me(renewed.accessToken)).id, person(name).id);
    assert.equal((await other.acquireTokenSilent({ account, scopes })).accessToken, renewed.accessToken);

    // The refresh token of the renewal is valid, too.
    assert.notEqual((await other.acquireTokenSilent({ account, scopes, forceRefresh: true })).accessToken, renewed.accessToken);
  });
}

test("a wrong secret is refused", async () => {
  const app = newApp();
  const { answer, redemption } = await authorize(app, person("Megan Bowen"));
  const correlationId = random.createNewGuid();
  const wrong = newApp({ clientSecret: `${emulator.client_secret}x` });
  const refusal = { status: 401, error: "invalid_client", number: 7000215 };
  const e = await refused(wrong.acquireTokenByCode({ ...redemption, correlationId }, answer), refusal);
  assert.ok(e.errorMessage.includes(`Correlation ID: ${correlationId}`), e.errorMessage);

  const { account } = await app.acquireTokenByCode(redemption, answer); // the code is still valid
  wrong.getTokenCache().deserialize(app.getTokenCache().serialize());
  await refused(wrong.acquireTokenSilent({ account, scopes, forceRefresh: true }), refusal);
});

test("a code is redeemed once", async () => {
  const app = newApp();
  const { answer, redemption } = await authorize(app, person("Megan Bowen"));
  await app.acquireTokenByCode(redemption, answer);
  for (const client of [app, newApp()]) {
    await refused(client.acquireTokenByCode(redemption, answer), { number: 54005 });
  }
});

test("a code is redeemed by whoever asked for it", async () => {
  const app = newApp();
  const { answer, redemption } = await authorize(app, person("Megan Bowen"));
  const stranger = await random.generatePkceCodes();
  for (const codeVerifier of [stranger.verifier, undefined]) {
    await refused(app.acquireTokenByCode({ ...redemption, codeVerifier }, answer), { number: 501481 });
  }
  // MSAL's own refusals show that the response contains what MSAL compares.
  await assert.rejects(app.acquireTokenByCode({ ...redemption, state: "another" }, answer), { errorCode: "state_mismatch" });
  await assert.rejects(app.acquireTokenByCode({ ...redemption, nonce: "another" }, answer), { errorCode: "nonce_mismatch" });
});

test("a scope without consent asks for interaction", async () => {
  const app = newApp();
  const user = person("Nestor Wilke");
  const { account } = await signIn(app, user);
  const more = ["Calendars.Read"];
  const e = await refused(app.acquireTokenSilent({ account, scopes: more }), { number: 65001, type: InteractionRequiredAuthError });
  assert.equal(e.subError, "consent_required");

  const { accessToken } = await signIn(app, user, { scopes: more });
  const cached = await app.acquireTokenSilent({ account, scopes: more });
  assert.equal(cached.fromCache, true);
  assert.equal(cached.accessToken, accessToken);
});

function clientCertificate() {
  const certificate = new X509Certificate(readFileSync(process.env.CERTIFICATE));
  return {
    certificate,
    privateKey: readFileSync(process.env.PRIVATE_KEY, "utf8"),
    thumbprint: certificate.fingerprint.replaceAll(":", ""),
    thumbprintSha256: certificate.fingerprint256.replaceAll(":", ""),
  };
}

test("a certificate stands in for a secret", async () => {
  const { certificate, privateKey, thumbprint, thumbprintSha256 } = clientCertificate();
  const user = person("Megan Bowen");
  for (const clientCertificate of [
    { thumbprintSha256, privateKey }, // PS256
    { thumbprintSha256, privateKey, x5c: certificate.toString() },
    { thumbprint, privateKey }, // RS256, which older apps still configure
  ]) {
    const { accessToken } = await signIn(newApp({ clientCertificate }), user);
    assert.equal((await me(accessToken)).id, user.id);
  }
});

test("a certificate that is not the app's is refused", async () => {
  const { privateKey, thumbprintSha256 } = clientCertificate();
  const stranger = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  for (const clientCertificate of [
    { thumbprintSha256, privateKey: stranger.privateKey },
    { thumbprintSha256: "00".repeat(32), privateKey },
  ]) {
    await refused(signIn(newApp({ clientCertificate }), person("Megan Bowen")), { status: 401, error: "invalid_client", number: 700027 });
  }
});

// MSAL Node signs an assertion once and reuses it until it expires after ten minutes.
test("an assertion is good until it ends", async () => {
  const { privateKey, thumbprintSha256 } = clientCertificate();
  const app = newApp({ clientCertificate: { privateKey, thumbprintSha256 } });
  const { account, accessToken } = await signIn(app, person("Megan Bowen"));
  const renewed = await app.acquireTokenSilent({ account, scopes, forceRefresh: true });
  assert.notEqual(renewed.accessToken, accessToken);
});
