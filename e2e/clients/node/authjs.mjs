// Auth.js, through its core, which the packages for frameworks wrap.

import assert from "node:assert/strict";
import { Auth } from "@auth/core";
import MicrosoftEntraID from "@auth/core/providers/microsoft-entra-id";
import { adele, check, emulator, redirectUri, visit } from "./emulator.mjs";

const origin = new URL(redirectUri).origin;
const expected = { name: adele.name, email: adele.mail.toLowerCase() }; // Auth.js lower-cases addresses

// Records how the application authenticates, and whether it calls the userinfo endpoint.
let basic = 0;
let userinfo = 0;
const { fetch } = globalThis;
globalThis.fetch = (...call) => {
  const { headers, url } = new Request(...call);
  basic += headers.get("authorization")?.startsWith("Basic ") ? 1 : 0;
  userinfo += url.endsWith("/oidc/userinfo") ? 1 : 0;
  return fetch(...call);
};

function configure(settings = {}) {
  // docs:start
  const provider = MicrosoftEntraID({
    clientId: emulator.client_id, clientSecret: emulator.client_secret, issuer: `${emulator.authority}/v2.0`,
    profile: ({ sub, name, email }) => ({ id: sub, name, email }), // the provider's own function requests a photo from graph.microsoft.com
  });
  // docs:end
  Object.assign(provider.options, settings);
  return { providers: [provider], secret: "test", trustHost: true, basePath: "/auth" };
}

// app answers a request of the browser and keeps its cookies.
function newBrowser(config) {
  const cookies = new Map();
  return async (path, options = {}) => {
    const headers = new Headers(options.headers);
    headers.set("Cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await Auth(new Request(new URL(path, origin), { ...options, headers }), config);
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
      cookies.set(name, value);
    }
    return response;
  };
}

async function signIn(config) {
  const app = newBrowser(config);
  const { csrfToken } = await (await app("/auth/csrf")).json();
  const start = await app("/auth/signin/microsoft-entra-id", {
    method: "POST", body: new URLSearchParams({ csrfToken, callbackUrl: `${origin}/hello` }),
  });
  const authorize = new URL(start.headers.get("location"));
  authorize.searchParams.set("login_hint", adele.upn);
  const callback = await visit(authorize);
  const end = await app(callback);
  assert.equal(end.headers.get("location"), `${origin}/hello`);
  return (await app("/auth/session")).json();
}

await check("sign-in with PKCE, Basic", async () => {
  const { user } = await signIn(configure());
  assert.deepEqual({ name: user.name, email: user.email }, expected);
  assert.equal(basic, 1);
});
await check("userinfo", async () => {
  const { user } = await signIn(configure({ idToken: false }));
  assert.deepEqual({ name: user.name, email: user.email }, expected);
  assert.equal(userinfo, 1);
});
