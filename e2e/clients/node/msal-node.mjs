// MSAL Node. e2e/msalnode checks it in more detail.

import assert from "node:assert/strict";
import { ConfidentialClientApplication, CryptoProvider } from "@azure/msal-node";
import { adele, apiScope, check, emulator, me, redirectUri, visit } from "./emulator.mjs";

// docs:start
const app = new ConfidentialClientApplication({
  auth: {
    clientId: emulator.client_id, clientSecret: emulator.client_secret, authority: emulator.authority,
    knownAuthorities: [new URL(emulator.authority).host], // MSAL asks Microsoft about other hosts
  },
});
// docs:end

async function signIn(scopes) {
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const request = { scopes, redirectUri, codeChallenge: challenge, codeChallengeMethod: "S256", loginHint: adele.upn };
  const location = await visit(await app.getAuthCodeUrl(request));
  return app.acquireTokenByCode({ ...request, code: location.searchParams.get("code"), codeVerifier: verifier });
}

const scopes = ["User.Read"];
const { account, accessToken } = await signIn(scopes);
await check("sign-in with PKCE", async () => {
  assert.equal(account.homeAccountId, `${adele.id}.${emulator.tenant_id}`);
  assert.equal((await me(accessToken)).id, adele.id);
});
await check("renewal", async () => {
  const renewed = await app.acquireTokenSilent({ account, scopes, forceRefresh: true });
  assert.notEqual(renewed.accessToken, accessToken);
});
await check("client credentials", async () => {
  const { accessToken } = await app.acquireTokenByClientCredential({ scopes: ["https://graph.microsoft.com/.default"] });
  assert.ok(accessToken);
});
await check("on-behalf-of", async () => {
  const { accessToken: assertion } = await signIn([apiScope]);
  const result = await app.acquireTokenOnBehalfOf({ oboAssertion: assertion, scopes });
  assert.equal((await me(result.accessToken)).id, adele.id);
});
