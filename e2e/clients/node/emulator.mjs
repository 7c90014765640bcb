// What the clients in this folder have in common: the emulator, a browser, and a report.

import assert from "node:assert/strict";

export const emulator = JSON.parse(process.env.EMULATOR); // the line that it printed
export const redirectUri = process.env.REDIRECT_URI;
export const spaRedirectUri = process.env.SPA_REDIRECT_URI;
export const apiScope = `api://${emulator.client_id}/access_as_user`;

// check runs one check and reports it, one line each.
export async function check(name, run) {
  await run();
  console.log(`ok ${name}`);
}

export const adele = emulator.users.find((user) => user.name === "Adele Vance");

// visit is the browser: it opens the sign-in page, which -auto answers at once, and returns the address to which it
// is sent. Only browsers find a name below localhost by themselves.
export async function visit(address, target = redirectUri) {
  const url = new URL(address);
  assert.equal(url.protocol, "https:");
  assert.equal(url.hostname, "login.localhost");
  url.hostname = "127.0.0.1";
  const response = await fetch(url, { redirect: "manual" });
  assert.equal(response.status, 302, await response.text());
  const location = new URL(response.headers.get("location"));
  assert.ok(location.href.startsWith(target), location.href);
  return location;
}

// me is the user of an access token.
export async function me(accessToken) {
  const response = await fetch(`${emulator.graph_url}/me`, { headers: { Authorization: `Bearer ${accessToken}` } });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}
