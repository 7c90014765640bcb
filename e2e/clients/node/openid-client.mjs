// openid-client 6, which does not accept http:// URLs.

import assert from "node:assert/strict";
import * as client from "openid-client";
import { adele, check, emulator, me, redirectUri, spaRedirectUri, visit } from "./emulator.mjs";

async function signIn(authentication) {
  // docs:start
  const issuer = new URL(`${emulator.authority}/v2.0`); // needs an emulator with -https-pages
  const config = await client.discovery(issuer, emulator.client_id, undefined, authentication);
  const codeVerifier = client.randomPKCECodeVerifier();
  const code_challenge = await client.calculatePKCECodeChallenge(codeVerifier);
  const url = client.buildAuthorizationUrl(config, { redirect_uri: redirectUri, scope: "openid profile email offline_access User.Read", code_challenge, code_challenge_method: "S256", nonce: "n1", login_hint: adele.upn });
  // docs:end
  const location = await visit(url);
  const tokens = await client.authorizationCodeGrant(config, location, { pkceCodeVerifier: codeVerifier, expectedNonce: "n1" });
  return { config, tokens };
}

for (const [name, authentication] of [
  ["Basic", client.ClientSecretBasic(emulator.client_secret)],
  ["post", client.ClientSecretPost(emulator.client_secret)],
]) {
  await check(`sign-in with PKCE, ${name}`, async () => {
    const { tokens } = await signIn(authentication);
    assert.equal(tokens.claims().oid, adele.id);
    assert.equal((await me(tokens.access_token)).id, adele.id);
  });
}

const { config, tokens } = await signIn(client.ClientSecretBasic(emulator.client_secret));
await check("userinfo", async () => {
  const info = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  assert.equal(info.email, adele.mail);
});
await check("renewal", async () => {
  const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal((await me(renewed.access_token)).id, adele.id);
});
await check("client credentials", async () => {
  const { access_token } = await client.clientCredentialsGrant(config, { scope: "https://graph.microsoft.com/.default" });
  assert.ok(access_token);
});
await check("sign-out", async () => {
  const url = client.buildEndSessionUrl(config, { post_logout_redirect_uri: redirectUri });
  assert.equal((await visit(url)).href, redirectUri);
});
await check("single-page app", async () => {
  const issuer = new URL(`${emulator.authority}/v2.0`);
  const config = await client.discovery(issuer, emulator.client_id, undefined, client.None());
  const Origin = new URL(spaRedirectUri).origin; // a browser would set it
  config[client.customFetch] = (url, options) => fetch(url, { ...options, headers: { ...options.headers, Origin } });
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: spaRedirectUri, scope: "openid offline_access User.Read", login_hint: adele.upn,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: "S256",
  });
  const tokens = await client.authorizationCodeGrant(config, await visit(url, spaRedirectUri), { pkceCodeVerifier });
  const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal((await me(renewed.access_token)).id, adele.id);
});
