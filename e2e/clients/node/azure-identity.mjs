// Azure Identity for JavaScript.

import assert from "node:assert/strict";
import { AuthorizationCodeCredential, ClientCertificateCredential, ClientSecretCredential, OnBehalfOfCredential } from "@azure/identity";
import { adele, apiScope, check, emulator, me, redirectUri, visit } from "./emulator.mjs";

// docs:start
const options = { authorityHost: new URL(emulator.authority).origin, disableInstanceDiscovery: true };
const credential = new ClientSecretCredential(emulator.tenant_id, emulator.client_id, emulator.client_secret, options);
// docs:end

async function code(scope) {
  const url = new URL(`${emulator.browser_url}/${emulator.tenant_id}/oauth2/v2.0/authorize`);
  url.search = new URLSearchParams({
    client_id: emulator.client_id, response_type: "code", redirect_uri: redirectUri, login_hint: adele.upn, scope,
  });
  return (await visit(url)).searchParams.get("code");
}

await check("client credentials", async () => {
  assert.ok((await credential.getToken("https://graph.microsoft.com/.default")).token);
});
await check("client certificate", async () => {
  const byCertificate = new ClientCertificateCredential(
    emulator.tenant_id, emulator.client_id, { certificatePath: process.env.CERTIFICATE }, options,
  );
  assert.ok((await byCertificate.getToken("https://graph.microsoft.com/.default")).token);
});
await check("authorization code", async () => {
  const byCode = new AuthorizationCodeCredential(
    emulator.tenant_id, emulator.client_id, emulator.client_secret, await code("openid profile offline_access User.Read"), redirectUri, options,
  );
  const { token } = await byCode.getToken("User.Read");
  assert.equal((await me(token)).id, adele.id);
});
await check("on-behalf-of", async () => {
  const form = new URLSearchParams({
    client_id: emulator.client_id, client_secret: emulator.client_secret, grant_type: "authorization_code",
    code: await code(apiScope), redirect_uri: redirectUri,
  });
  const answer = await fetch(`${emulator.authority}/oauth2/v2.0/token`, { method: "POST", body: form });
  const { access_token: userAssertionToken } = await answer.json();
  const onBehalf = new OnBehalfOfCredential({
    tenantId: emulator.tenant_id, clientId: emulator.client_id, clientSecret: emulator.client_secret, userAssertionToken, ...options,
  });
  const { token } = await onBehalf.getToken("https://graph.microsoft.com/User.Read");
  assert.equal((await me(token)).id, adele.id);
});
