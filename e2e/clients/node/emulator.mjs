// What the clients in this directory have in common: the emulator, a browser, and a report.

import assert from "node:assert/strict";

export const emulator = JSON.parse(process.env.EMULATOR); // the line that the emulator printed
export const redirectUri = process.env.REDIRECT_URI;
export const spaRedirectUri = process.env.SPA_REDIRECT_URI;
export const apiScope = `api://${emulator.client_id}/access_as_user`;

// check runs one check and reports the result in one line.
export async function check(name, run) {
  await run();
  console.log(`ok ${name}`);
}

export const adele = emulator.users.find((user) => user.name === "Adele Vance");

// visit stands in for a browser. It opens the sign-in page, which the emulator with -auto answers immediately, and
// returns the URL of the redirect. Names below localhost are resolved here, because only browsers do that themselves.
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

// me returns the user of an access token.
export async function me(accessToken) {
  const response = await fetch(`${emulator.graph_url}/me`, { headers: { Authorization: `Bearer ${accessToken}` } });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}
